"""Anneal: short runs with the rate falling to 0, one per candidate mix, and the choice (paper section 2.3)."""
