"""Clean corpora for the shard tests: random genes with introns, and a writer of CLEAN tables."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bsm.base.codes import genetic_code
from bsm.base.tables import CLEAN, write_table

CODE = genetic_code(1)
SENSE_CODONS = sorted(codon for codon, aa in CODE.items() if aa != "*")


@dataclass(frozen=True)
class Gene:
    """A gene with its dna positions: ``exons`` of the rna letters, ``coding`` of the codons' letters without stop."""

    dna: str
    rna: str
    protein: str
    exons: list[int]
    coding: list[int]

    def rows(self, record_id: str, **more: Any) -> list[dict[str, Any]]:
        values = (("dna", self.dna, [0, len(self.dna)]), ("rna", self.rna, blocks_of(self.exons)),
                  ("protein", self.protein, blocks_of(self.coding)))  # fmt: skip
        return [row(record_id, m, s, piece=i, blocks=b, **more) for i, (m, s, b) in enumerate(values)]


def blocks_of(positions: list[int]) -> list[int]:
    """Flattened [start, end, ...] of runs of ascending neighbours."""
    blocks: list[int] = []
    for i, position in enumerate(positions):
        if i == 0 or position != positions[i - 1] + 1:
            blocks += [position, position]
        blocks[-1] = position + 1
    return blocks


def random_gene(seed: int, n_aa: int, n_introns: int = 2, max_intron: int = 200, slippage: bool = False) -> Gene:
    """A gene with UTRs and introns anywhere (inside codons too); with slippage one coding letter is read twice."""
    rng = random.Random(seed)
    utr5, utr3 = (letters(rng, rng.randrange(0, 40)) for _ in range(2))
    coding_rna = list(range(len(utr5), len(utr5) + 3 * n_aa))
    codons = ["atg", *(rng.choice(SENSE_CODONS) for _ in range(n_aa - 1))]
    rna = utr5 + "".join(codons) + "taa" + utr3
    if slippage and n_aa > 4:
        at = len(utr5) + rng.randrange(3, 3 * n_aa - 6)
        coding_rna = [p if p <= at else p - 1 for p in coding_rna]
    dna, exons = "", []
    cuts = sorted({rng.randrange(1, len(rna)) for _ in range(n_introns)})
    for i, letter in enumerate(rna):
        if i in cuts:
            dna += "gt" + letters(rng, rng.randrange(0, max_intron + 1)) + "ag"
        exons.append(len(dna))
        dna += letter
    rna_codons = ["".join(rna[p] for p in coding_rna[i : i + 3]) for i in range(0, len(coding_rna), 3)]
    protein = "".join(CODE[c] if CODE[c] != "*" else "X" for c in rna_codons)
    return Gene(dna, rna, protein, exons, [exons[p] for p in coding_rna])


def letters(rng: random.Random, n: int, alphabet: str = "acgt") -> str:
    return "".join(rng.choice(alphabet) for _ in range(n))


def row(record_id: str, modality: str, sequence: str, **more: Any) -> dict[str, Any]:
    """One CLEAN row with defaults for what a test does not look at."""
    return {
        "record_id": record_id, "piece": 0, "source": "s", "part": "all", "modality": modality, "sequence": sequence,
        "accession": "A.1", "start": 0, "end": len(sequence), "strand": 1, "genetic_code": 1, "group_id": record_id,
        "split": "train", "multiplicity": 1, **more,
    }  # fmt: skip


def write_clean(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    write_table(path, rows, CLEAN)
    return path
