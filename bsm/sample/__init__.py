"""Stage sample: single-modal corpora from nucleotide and protein FASTA files of any size."""
