"""Stage interleave: biological sequences in web documents (docs/interleave.md is the definition)."""
