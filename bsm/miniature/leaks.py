"""Benchmark items planted in the training corpora: the answers that decontamination has to find.

Every kind is planted for every data set that it makes sense for: exact and mutated copies of any
sequence, reverse complements of nucleotide items, proteins hidden in DNA (back-translated, either
strand, any frame). ``private_code`` is left out: its species must exist nowhere in the corpora.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bsm.base.alphabet import AMINO_ACIDS, Modality, reverse_complement
from bsm.miniature.benchmarks.draws import (
    Item,
    letters_from,
    modality_of,
    other_letter,
    pick,
    shuffled,
    standard_code_weights,
    stream,
)
from bsm.miniature.codon_usage import back_translate
from bsm.miniature.genes import between, random_letters
from bsm.miniature.model import PlantedRecord, World
from bsm.miniature.web import document_id
from bsm.miniature.web_layouts import showable

Kind = Literal["exact", "mutated", "reverse_complement", "protein_in_dna"]
NOT_PLANTED = frozenset({"private_code"})
_FLANK_NT, _FLANK_AA = (60, 200), (15, 40)
_INSIDE_LONGER_PROTEIN = 0.4
_INDEL_SHARE = 0.25
"""Share of mutated nucleotide copies in which one of the changes is an insertion or a deletion."""
_MAX_ON_PAGE = 600


@dataclass(frozen=True)
class Copy:
    """What of an item goes into a record."""

    letters: str
    modality: Modality
    identity: float
    strand: int


def plan_leaks(world: World, items: dict[str, list[Item]]) -> list[PlantedRecord]:
    """The planted records of all data sets, one item each; needs the items of ``build_benchmarks``."""
    settings = world.settings.leaks
    kinds: dict[Kind, int] = {
        "exact": settings.n_exact, "mutated": settings.n_mutated,
        "reverse_complement": settings.n_reverse_complement, "protein_in_dna": settings.n_protein_in_dna,
    }  # fmt: skip
    planted: list[PlantedRecord] = []
    for dataset in (name for name in items if name not in NOT_PLANTED):
        used: set[str] = set()
        for kind, n in kinds.items():
            for row, role in _chosen(world, items[dataset], dataset, kind, n, used):
                planted.append(_plant(world, row, role, kind, len(planted)))
    return planted


def applies(kind: Kind, modality: Modality) -> bool:
    """Whether a kind of leak makes sense for a sequence of this modality."""
    if kind == "reverse_complement":
        return modality.is_nucleotide
    return modality is Modality.PROTEIN if kind == "protein_in_dna" else True


def _chosen(world: World, rows: list[Item], dataset: str, kind: Kind, n: int, used: set[str]
            ) -> Iterator[tuple[Item, Literal["a", "b"]]]:  # fmt: skip
    """Test and validation sequences for one kind, roles in turn, no sequence twice.

    A fitness assay is planted through its wild type, which may serve every kind.
    """
    rng = stream(world, "leaks", dataset, kind)
    roles: list[Literal["a", "b"]] = ["a", "b"]
    is_fitness = rows[0]["assay"] is not None
    supply = {role: shuffled([row for row in rows if _can_be_planted(world, row, role, kind)], rng) for role in roles}
    taken: set[str] = set()
    for turn in range(2 * len(rows)):
        role = roles[turn % 2]
        if len(taken) == n or not supply[role]:
            continue
        row = supply[role].pop()
        letters = row[f"sequence_{role}"]
        if letters not in (taken if is_fitness else used):
            taken.add(letters)
            used.add(letters)
            yield row, role


def _can_be_planted(world: World, row: Item, role: str, kind: Kind) -> bool:
    letters = row[f"sequence_{role}"]
    return (
        row["split"] != "train"
        and row["mutant"] in (None, "WT")
        and letters is not None
        and len(letters) >= world.settings.leaks.min_letters
        and applies(kind, modality_of(row, role))
    )


def _plant(world: World, row: Item, role: Literal["a", "b"], kind: Kind, number: int) -> PlantedRecord:
    rng = stream(world, "leak", row["dataset"], row["item_id"], role, kind)
    copy = _copy(world, row[f"sequence_{role}"], modality_of(row, role), kind, rng)
    corpus = _corpus(world, copy, kind, number, rng)
    before, after = _flanks(copy.modality, corpus, rng)
    return PlantedRecord(
        corpus, _record_name(world, corpus, copy.modality, number), before + copy.letters + after,
        row["task"], row["dataset"], row["item_id"], role, kind, copy.identity,
        len(before), len(before) + len(copy.letters), copy.strand, {"modality": str(copy.modality)},
    )  # fmt: skip


def _copy(world: World, letters: str, modality: Modality, kind: Kind, rng: np.random.Generator) -> Copy:
    if kind == "exact":
        return Copy(letters, modality, 1.0, 1 if modality.is_nucleotide else 0)
    if kind == "mutated":
        changed, identity = _mutated(letters, modality, world.settings.leaks.mutated_identity, rng)
        return Copy(changed, modality, identity, 1 if modality.is_nucleotide else 0)
    if kind == "reverse_complement":
        return Copy(reverse_complement(letters), modality, 1.0, -1)
    coding = back_translate(letters, standard_code_weights(world, pick(world.species, rng)), rng, stop=False)
    strand = int(rng.choice([1, -1]))
    return Copy(coding if strand > 0 else reverse_complement(coding), Modality.DNA, 1.0, strand)


def _mutated(letters: str, modality: Modality, bounds: tuple[float, float], rng: np.random.Generator
             ) -> tuple[str, float]:  # fmt: skip
    """A copy with substitutions (and in some nucleotide copies one indel), and its identity over the alignment."""
    n = len(letters)
    most = int((1 - bounds[0]) * n + 1e-9)
    n_changes = min(max(1, round((1 - rng.uniform(*bounds)) * n)), max(1, most))
    positions = sorted(1 + rng.choice(n - 2, size=n_changes, replace=False), reverse=True)
    with_indel = modality.is_nucleotide and n_changes > 1 and rng.random() < _INDEL_SHARE
    alphabet = "acgt" if modality.is_nucleotide else AMINO_ACIDS
    changed, n_columns = list(letters), n
    for turn, position in enumerate(positions):
        if with_indel and turn == 0 and rng.random() < 0.5:
            changed[position] = ""
        elif with_indel and turn == 0:
            changed[position] += letters_from(alphabet, 1, rng)
            n_columns += 1
        else:
            changed[position] = other_letter(changed[position], alphabet, rng)
    n_same = n - n_changes + (n_columns - n)
    return "".join(changed), n_same / n_columns


Corpus = Literal["uniprot", "colabfold", "refseq_nucleotides", "web"]


def _corpus(world: World, copy: Copy, kind: Kind, number: int, rng: np.random.Generator) -> Corpus:
    on_page = showable(copy.modality, copy.letters) and len(copy.letters) <= _MAX_ON_PAGE
    if kind == "exact" and on_page and rng.random() < world.settings.leaks.web_share:
        return "web"
    if copy.modality.is_nucleotide:
        return "refseq_nucleotides"
    return "uniprot" if number % 2 else "colabfold"


def _flanks(modality: Modality, corpus: Corpus, rng: np.random.Generator) -> tuple[str, str]:
    """Letters around the copy; of any length, so a hidden protein stands in any frame."""
    if corpus == "web":
        return "", ""
    if modality.is_nucleotide:
        gc = float(rng.uniform(0.38, 0.5))
        return tuple(random_letters(rng, between(rng, _FLANK_NT), gc) for _ in range(2))  # type: ignore[return-value]
    if rng.random() < _INSIDE_LONGER_PROTEIN:
        return tuple(letters_from(AMINO_ACIDS, between(rng, _FLANK_AA), rng) for _ in range(2))  # type: ignore[return-value]
    return "", ""


def _record_name(world: World, corpus: Corpus, modality: Modality, number: int) -> str:
    """A name in the corpus's own style, outside the numbers that the world's other records have."""
    if corpus == "web":
        return document_id(world.settings.seed, "leak", number)
    if corpus == "uniprot":
        return f"Q9Z{number:03d}"
    if corpus == "colabfold":
        return f"MGYP{990_000_000 + number:012d}"
    return f"NR_98{number:04d}.1" if modality is Modality.RNA else f"NZ_98{number:06d}.1"
