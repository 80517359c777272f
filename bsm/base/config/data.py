"""Settings of the data stages: acquire, sample, pair, interleave, clean, shard, report."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from bsm.base.config.common import Settings, Share

SHIPPED_CONTACT = "you@example.org"
"""Stands in config/lab.yaml and config/paper.yaml, so that they can be planned; downloads refuse it."""


class AcquireSettings(Settings):
    """Downloading: where the lock file stands, how the client introduces itself, how it retries."""

    lock_file: str = "sources.lock.json"
    """Versions and checksums of the first resolution, relative to the working directory; commit it."""
    contact: str = ""
    """E-mail for the User-Agent; publishers ask for one. Required for https servers."""
    retries: NonNegativeInt = 5
    timeout_seconds: Annotated[float, Field(gt=0)] = 60.0
    allow_http: list[str] = []
    """Hosts that may be reached without TLS (LucaOne's own server is one)."""


class SampleSettings(Settings):
    """Single-modal corpora from FASTA files of any size."""

    seed: int = 1
    max_nucleotide_record_nt: PositiveInt = 1_000_000
    """Longer nucleotide records are left out, as LucaOne did."""
    min_nucleotide_nt: PositiveInt = 30
    min_protein_aa: PositiveInt = 10
    max_n_run_nt: PositiveInt = 20
    """A longer run of n splits a nucleotide record."""


class PairSettings(Settings):
    """DNA, RNA and protein of every gene."""

    seed: int = 1
    on_damaged: Literal["stop", "skip"] = "stop"
    """A record that cannot be read: stop the run, or count it and go on."""
    on_disagreement: Literal["keep_published", "reject"] = "reject"
    """CDS whose translation differs from the published protein: keep the published letters, or reject the gene."""
    primary_units_only: bool = True
    """Leave out alternate loci and patches."""
    min_protein_aa: PositiveInt = 10
    max_gene_nt: PositiveInt = 2_500_000
    """Longer genes are rejected with a reason."""


class InterleaveSettings(Settings):
    """Which runs of letters in a web document count as sequences."""

    min_sequences: PositiveInt = 3
    """Documents with fewer are not used (paper section 2.2)."""
    min_nucleotides: PositiveInt = 15
    min_amino_acids: PositiveInt = 15
    take_primers: bool = True
    """Whether short nucleotide words (primers, at least min_nucleotides) count."""
    toy_sequences: Literal["drop", "keep"] = "drop"
    """GATTACA, ACGTACGT... and other low-complexity examples."""
    three_letter: Literal["drop", "read"] = "drop"
    """Met-Ala-Gly-...: whether proteins in three-letter notation count."""
    max_copies: PositiveInt = 1
    """How often the same list of sequences is kept when several pages show it."""


class DeduplicateSettings(Settings):
    """Exact duplicates always collapse; near-duplicates by MinHash over k-mers."""

    near_duplicate_jaccard: Share = 0.9
    """Estimated Jaccard similarity at or above which two records are one; 1 switches it off."""
    k_nucleotides: Annotated[int, Field(ge=8, le=31)] = 21
    k_amino_acids: Annotated[int, Field(ge=3, le=12)] = 7
    n_permutations: Annotated[int, Field(ge=32, le=512)] = 128
    pairs_across_sources: bool = False
    """Whether equal genes and documents of different sources collapse too. Off, because a mix weighs RefSeq and
    Gene pairs separately; single-modal records always collapse across sources."""
    link_containment: Annotated[float, Field(gt=0, le=1)] = 0.25
    """Share of the smaller sequence's k-mers that must stand in the larger for one group; low enough for what the
    gate would remove (95 % identity over min_coverage)."""
    link_all_pairs: Annotated[int, Field(ge=2, le=256)] = 32
    """Sequences that share a k-mer are all compared up to this number, beyond it with the longest few of them."""
    sample_every: PositiveInt = 8
    """One in so many k-mers is kept (by hash) to find containment between records."""
    container_nt: PositiveInt = 20_000
    """Single nucleotide records longer than this are containers without a look at their content: they link nothing,
    are never validation, and lose the windows that hold validation sequences. Shorter ones are containers where
    they hold sequences of several otherwise unlinked records."""


class LeakSearchSettings(Settings):
    """Seeds and limits of the search for benchmark items in the corpora."""

    k_nucleotides: Annotated[int, Field(ge=8, le=15)] = 14
    k_amino_acids: Annotated[int, Field(ge=3, le=7)] = 6
    max_occurrences: PositiveInt = 64
    """Seeds that stand more often among the items are dropped, but the rarest of every 16 in a row stays."""
    min_orf_aa: Annotated[int, Field(ge=12)] = 20
    """Shortest stretch of a nucleotide item without a stop that is searched in protein corpora."""
    max_intron_nt: NonNegativeInt = 20_000
    """Longest gap in a nucleotide record between two exons of an item; 0 switches spliced matches off."""
    genetic_codes: Annotated[list[int], Field(min_length=1)] = [1, 2, 4, 5, 12]
    """NCBI tables under which nucleotides without a known code are read; seeds come from the first."""


class CleanSettings(Settings):
    """Removal of benchmark items, deduplication and the split for language-model validation."""

    seed: int = 1
    level: Literal["paper", "strict", "family"] = "strict"
    """paper: the very instance, letter by letter (for pair tasks both sequences in one record); strict: each
    sequence at >= 95 % identity over >= min_coverage of it; family: >= 50 % identity."""
    min_coverage: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Share of a benchmark sequence that must stand in a record."""
    search: LeakSearchSettings = LeakSearchSettings()
    context_nt: NonNegativeInt = 50
    """Nucleotides removed on each side of a hit window."""
    min_rest_nt: PositiveInt = 30
    """Pieces of a nucleotide record shorter than this after removal are dropped."""
    max_loss: Share = 0.2
    """Share of a source's letters that may be lost to benchmarks before the run stops."""
    max_validation_loss: Share = 0.2
    """Share of a source's letters that may be lost to validation sequences of all sources before the run stops."""
    acknowledge_loss: bool = False
    """Go on although more than max_loss or max_validation_loss is lost."""
    deduplicate: DeduplicateSettings = DeduplicateSettings()
    valid_share: Share = 0.02
    """Share of groups (gene families, clusters, documents) held out for validation loss."""


class ShardSettings(Settings):
    """Samples, windows, tokens, packing."""

    seed: int = 1
    context_tokens: Annotated[int, Field(ge=64, le=65_536)] = 1024
    window: Literal["tile", "centre", "whole"] = "tile"
    """How records longer than the context are cut (see docs/decisions.md, windows)."""
    max_n_share: Share = 0.05
    """Windows with a larger share of n are dropped and counted."""
    rows_per_shard: PositiveInt = 65_536
    max_passes: Annotated[float, Field(gt=0)] = 8.0
    """Passes over a group's tokens that the rounds may ask for before the plan stops."""
    max_passes_exempt: list[Literal["single", "refseq", "gene", "web"]] = ["web"]


class ReportSettings(Settings):
    """Tables and pages for people."""

    title: str = "BSM data report"
