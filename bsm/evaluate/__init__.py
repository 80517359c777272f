"""Evaluation of checkpoints and baselines (paper section 3, appendix C)."""
