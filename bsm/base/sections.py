"""Held-out sections: what validation loss is stated for and what annealing weighs."""

from __future__ import annotations

SECTIONS = ("nucleotides", "proteins", "refseq", "gene", "web")
"""Single-modal nucleotides, single-modal proteins, and all letters of each group of mixed data."""
