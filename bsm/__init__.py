"""BSM: an open rebuild of a small language model over the letters of DNA, RNA and protein."""

__version__ = "0.1.0"
