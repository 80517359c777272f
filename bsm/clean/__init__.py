"""Removal of benchmark items, deduplication, groups over all sources, the validation split, the gate."""
