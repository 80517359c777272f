"""Train: one round of one arm of one model, from the weights of the round before (paper section 2.3)."""
