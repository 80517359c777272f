"""Planted sequences with known answers, and small corpora to put them in."""

from __future__ import annotations

import random
from typing import Any

from bsm.base import tables
from bsm.base.alphabet import AMINO_ACIDS
from bsm.base.codes import genetic_code


class Maker:
    """Random letters, copies with an exact number of edits, and back-translation; everything from one seed."""

    def __init__(self, seed: int = 1) -> None:
        self.random = random.Random(seed)

    def dna(self, n: int) -> str:
        return "".join(self.random.choices("acgt", k=n))

    def protein(self, n: int) -> str:
        return "M" + "".join(self.random.choices(AMINO_ACIDS, k=n - 1))

    def edited(self, letters: str, n_edits: int, indels: bool = True) -> str:
        """``n_edits`` single-letter edits at distinct places that are not neighbours; one in five an indel."""
        alphabet = "acgt" if letters.islower() else AMINO_ACIDS
        places: list[int] = []
        for place in self.random.sample(range(1, len(letters) - 1), len(letters) - 2):
            if len(places) < n_edits and all(abs(place - other) > 1 for other in places):
                places.append(place)
        out = list(letters)
        for number, place in enumerate(places):
            other = self.random.choice([c for c in alphabet if c != letters[place]])
            kind = number % 10 if indels else 2
            out[place] = "" if kind == 0 else letters[place] + other if kind == 5 else other
        return "".join(out)

    def substituted(self, letters: str, share: float) -> str:
        """Exactly this share of the letters substituted, at random places."""
        alphabet = "acgt" if letters.islower() else AMINO_ACIDS
        out = list(letters)
        for place in self.random.sample(range(len(letters)), round(share * len(letters))):
            out[place] = self.random.choice([c for c in alphabet if c != letters[place]])
        return "".join(out)

    def coding(self, protein: str, table_id: int = 1) -> str:
        """A random CDS of this protein, without the stop codon."""
        codons: dict[str, list[str]] = {}
        for codon, aa in genetic_code(table_id).items():
            codons.setdefault(aa, []).append(codon)
        return "".join(self.random.choice(codons[aa]) for aa in protein)

    def shuffled(self, letters: str) -> str:
        return "".join(self.random.sample(letters, len(letters)))


def piece(record_id: str, sequence: str, modality: str, number: int = 0, **fields: Any) -> dict[str, Any]:
    """One PIECES row; unnamed columns have plain values."""
    row = {"record_id": record_id, "piece": number, "source": "corpus", "part": "all", "modality": modality,
           "sequence": sequence, "accession": record_id.split(":")[1] if ":" in record_id else record_id,
           "start": 0, "end": len(sequence), "strand": 1, "genetic_code": 1, "licence": "none"}  # fmt: skip
    return {**dict.fromkeys(tables.PIECES.names), **row, **fields}


def item(item_id: str, sequence_a: str, modality_a: str, task: str = "protloc", **fields: Any) -> dict[str, Any]:
    """One BENCHMARK_ITEMS row, in the test split."""
    row = {"task": task, "dataset": task, "item_id": item_id, "split": "test", "id_a": item_id,
           "modality_a": modality_a, "sequence_a": sequence_a}  # fmt: skip
    return {**dict.fromkeys(tables.BENCHMARK_ITEMS.names), **row, **fields}
