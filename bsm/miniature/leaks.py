"""Benchmark items planted in the training corpora: the answers that decontamination has to find.

Every kind is planted for every data set that it makes sense for: exact and mutated copies of any sequence, reverse
complements of nucleotide items, proteins hidden in DNA (coding letters on either strand, in any frame, under several
genetic codes, with an intron), products of annotated genes. Some stand on web pages, among genes. ``private_code`` is
left out: its species must exist nowhere in the corpora.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

import numpy as np

from bsm.base.alphabet import AMINO_ACIDS, Modality, reverse_complement
from bsm.base.codes import genetic_code
from bsm.base.config.miniature_benchmarks import LeakSettings
from bsm.miniature.benchmarks.draws import (
    Item,
    letters_from,
    modality_of,
    other_letter,
    pick,
    shuffled,
    stream,
    weights_under,
)
from bsm.miniature.codon_usage import back_translate
from bsm.miniature.genes import between, intron, random_letters
from bsm.miniature.leaked_genes import host_of, record_name
from bsm.miniature.model import PlantedRecord, Species, World
from bsm.miniature.web import document_id
from bsm.miniature.web_layouts import showable

Kind = Literal["exact", "mutated", "reverse_complement", "protein_in_dna", "spliced_protein_in_dna", "gene_product"]
HIDDEN: tuple[Kind, Kind] = ("protein_in_dna", "spliced_protein_in_dna")
NOT_PLANTED = frozenset({"private_code"})
MIN_SPLICED_AA = 36
"""Shorter proteins are not spliced: an exon of less than 12 codons resembles much by chance."""
_FLANK_NT, _FLANK_AA = (60, 200), (15, 40)
_INSIDE_LONGER_PROTEIN = 0.4
_INDEL_SHARE = 0.25
"""Share of mutated nucleotide copies in which one of the changes is an insertion or a deletion."""
_MAX_ON_PAGE = 600


class Plan(NamedTuple):
    """A kind of leak and how many of it each data set gets; ``code`` is the genetic code of a hidden protein."""

    kind: Kind
    n: int
    code: int | None = None


@dataclass(frozen=True)
class Copy:
    """What of an item goes into a record."""

    letters: str
    modality: Modality
    identity: float
    strand: int


def plans(settings: LeakSettings) -> list[Plan]:
    """All kinds of leaks, in the order in which they are planted."""
    return [
        Plan("exact", settings.n_exact),
        Plan("mutated", settings.n_mutated),
        Plan("reverse_complement", settings.n_reverse_complement),
        Plan("protein_in_dna", settings.n_protein_in_dna, 1),
        Plan("spliced_protein_in_dna", settings.n_spliced_protein_in_dna, 1),
        *(Plan("protein_in_dna", settings.n_protein_in_other_code, code) for code in settings.other_codes),
        Plan("gene_product", settings.n_gene_product),
    ]


def plan_leaks(world: World, items: dict[str, list[Item]]) -> list[PlantedRecord]:
    """The planted records of all data sets, one item each; needs the items of ``build_benchmarks``."""
    planted: list[PlantedRecord] = []
    for dataset in (name for name in items if name not in NOT_PLANTED):
        used: set[str] = set()
        for plan in plans(world.settings.leaks):
            if plan.kind == "gene_product" and host_of(world) is None:
                continue
            for row, role in _chosen(world, items[dataset], dataset, plan, used):
                planted.append(_plant(world, row, role, plan, len(planted)))
    return planted


def applies(kind: Kind, modality: Modality) -> bool:
    """Whether a kind of leak makes sense for a sequence of this modality."""
    if kind == "reverse_complement":
        return modality.is_nucleotide
    return modality is Modality.PROTEIN if kind in (*HIDDEN, "gene_product") else True


@cache
def own_codons(code: int) -> dict[str, str]:
    """Amino acid -> its first codon that says something else under the standard code."""
    standard, own = genetic_code(1), genetic_code(code)
    codons: dict[str, str] = {}
    for codon in sorted(own):
        if own[codon] not in (standard[codon], "*"):
            codons.setdefault(own[codon], codon)
    return codons


def _chosen(world: World, rows: list[Item], dataset: str, plan: Plan, used: set[str]
            ) -> Iterator[tuple[Item, Literal["a", "b"]]]:  # fmt: skip
    """Test and validation sequences for one kind, roles in turn, no sequence twice.

    A fitness assay is planted through its wild type, which may serve every kind. Under another genetic code the
    proteins go first that the standard code reads most differently.
    """
    rng = stream(world, "leaks", dataset, plan.kind, plan.code)
    roles: list[Literal["a", "b"]] = ["a", "b"]
    is_fitness = rows[0]["assay"] is not None
    supply = {role: shuffled([row for row in rows if _can_be_planted(world, row, role, plan)], rng) for role in roles}
    for role in roles:
        supply[role].sort(key=lambda row, role=role: _n_otherwise(row[f"sequence_{role}"], plan.code))  # type: ignore[misc]
    taken: set[str] = set()
    for turn in range(2 * len(rows)):
        role = roles[turn % 2]
        if len(taken) == plan.n or not supply[role]:
            continue
        row = supply[role].pop()
        letters = row[f"sequence_{role}"]
        if letters not in (taken if is_fitness else used):
            taken.add(letters)
            used.add(letters)
            yield row, role


def _n_otherwise(letters: str, code: int | None) -> int:
    """Letters that a codon of this code's own can spell."""
    return sum(map(letters.count, own_codons(code or 1)))


def _can_be_planted(world: World, row: Item, role: str, plan: Plan) -> bool:
    letters = row[f"sequence_{role}"]
    return (
        row["split"] != "train"
        and row["mutant"] in (None, "WT")
        and letters is not None
        and len(letters) >= world.settings.leaks.min_letters
        and applies(plan.kind, modality_of(row, role))
        and (plan.kind != "spliced_protein_in_dna" or len(letters) >= MIN_SPLICED_AA)
        and (plan.kind != "gene_product" or letters.startswith("M"))
        and (not own_codons(plan.code or 1) or _n_otherwise(letters, plan.code) > 0)
    )


def _plant(world: World, row: Item, role: Literal["a", "b"], plan: Plan, number: int) -> PlantedRecord:
    rng = stream(world, "leak", row["dataset"], row["item_id"], role, plan.kind, plan.code)
    copy = _copy(world, row[f"sequence_{role}"], modality_of(row, role), plan, rng)
    corpus = "refseq_pairs" if plan.kind == "gene_product" else _corpus(world, copy, number, rng)
    before, after = _flanks(copy.modality, corpus, rng)
    return PlantedRecord(
        corpus, _record_name(world, corpus, copy.modality, number), before + copy.letters + after,
        row["task"], row["dataset"], row["item_id"], role, plan.kind, copy.identity,
        len(before), len(before) + len(copy.letters), copy.strand, copy.modality, plan.code,
    )  # fmt: skip


def _copy(world: World, letters: str, modality: Modality, plan: Plan, rng: np.random.Generator) -> Copy:
    if plan.kind in ("exact", "gene_product"):
        return Copy(letters, modality, 1.0, 1 if modality.is_nucleotide else 0)
    if plan.kind == "mutated":
        changed, identity = _mutated(letters, modality, world.settings.leaks.mutated_identity, rng)
        return Copy(changed, modality, identity, 1 if modality.is_nucleotide else 0)
    if plan.kind == "reverse_complement":
        return Copy(reverse_complement(letters), modality, 1.0, -1)
    species: Species = pick(world.species, rng)
    coding = _coding(world, letters, species, plan.code or 1, rng)
    if plan.kind == "spliced_protein_in_dna":
        cut = between(rng, (len(coding) // 3, 2 * len(coding) // 3))
        coding = intron(rng, species.settings.gc_content).join((coding[:cut], coding[cut:]))
    strand = int(rng.choice([1, -1]))
    return Copy(coding if strand > 0 else reverse_complement(coding), Modality.DNA, 1.0, strand)


def _coding(world: World, protein: str, species: Species, code: int, rng: np.random.Generator) -> str:
    """Coding letters under a genetic code, with the codons of its own wherever it has one: read by the standard
    code they spell another protein."""
    cds = back_translate(protein, weights_under(world, species, code), rng, stop=False)
    own = own_codons(code)
    return "".join(own.get(letter, cds[3 * i : 3 * i + 3]) for i, letter in enumerate(protein))


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


Corpus = Literal["uniprot", "colabfold", "refseq_nucleotides", "refseq_pairs", "web"]


def _corpus(world: World, copy: Copy, number: int, rng: np.random.Generator) -> Corpus:
    on_page = showable(copy.modality, copy.letters) and len(copy.letters) <= _MAX_ON_PAGE
    if on_page and rng.random() < world.settings.leaks.web_share:
        return "web"
    if copy.modality.is_nucleotide:
        return "refseq_nucleotides"
    return "uniprot" if number % 2 else "colabfold"


def _flanks(modality: Modality, corpus: Corpus, rng: np.random.Generator) -> tuple[str, str]:
    """Letters around the copy; of any length, so a hidden protein stands in any frame."""
    if corpus in ("web", "refseq_pairs"):
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
    if corpus == "refseq_pairs":
        return record_name(world, number)
    if corpus == "uniprot":
        return f"Q9Z{number:03d}"
    if corpus == "colabfold":
        return f"MGYP{990_000_000 + number:012d}"
    return f"NR_98{number:04d}.1" if modality is Modality.RNA else f"NZ_98{number:06d}.1"
