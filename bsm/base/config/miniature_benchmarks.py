"""Settings of the miniature's benchmarks, web pages and planted leaks. Effect sizes are fixed here,
before any model is trained, and are never tuned to a model's result."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveInt

from bsm.base.config.common import Settings, Share

Split = tuple[PositiveInt, NonNegativeInt, PositiveInt]
"""Items in train, valid and test."""


class BenchmarkWorldSettings(Settings):
    """Sizes and planted signals of the eight benchmarks."""

    ncrpi: Split = (240, 0, 120)
    central_dogma: Split = (60, 90, 240)
    ppi: Split = (240, 60, 120)
    protloc: Split = (240, 60, 120)
    protstab: Split = (240, 60, 120)
    ncrnafam: Split = (240, 60, 120)
    n_protein_assays: PositiveInt = 3
    n_ncrna_assays: PositiveInt = 3
    n_variants_per_assay: PositiveInt = 150
    mutation_share: tuple[Share, Share] = (0.05, 0.20)
    """Share of residues changed in Central Dogma negatives (drawn uniformly)."""
    label_noise: Share = 0.05
    """Share of interaction and localisation labels that are flipped."""
    regression_noise: Annotated[float, Field(ge=0)] = 0.3
    """Standard deviation of the noise on stability and fitness, in units of the signal's own."""


class WebSettings(Settings):
    """The miniature's FineWeb-Edu."""

    n_documents_with_sequences: PositiveInt = 150
    n_documents_plain: PositiveInt = 600
    n_documents_look_alike: PositiveInt = 100
    duplicate_share: Share = 0.1
    """Share of documents with sequences that are mirrored on a second page."""


class LeakSettings(Settings):
    """Benchmark items planted in the training corpora, per task and kind."""

    n_exact: NonNegativeInt = 3
    n_mutated: NonNegativeInt = 3
    n_reverse_complement: NonNegativeInt = 3
    n_protein_in_dna: NonNegativeInt = 3
    mutated_identity: tuple[Share, Share] = (0.96, 0.99)
    """Identity of mutated copies with the item (drawn uniformly): inside the strict level."""
