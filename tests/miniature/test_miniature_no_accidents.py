"""Benchmark items stand in the corpora only where the world plants them (plain check: k-mers, then diagonals)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import pytest

from bsm.base.alphabet import reverse_complement
from bsm.base.codes import translate
from bsm.miniature.mirror_colabfold import environmental_proteins
from bsm.miniature.mirror_release import release_records
from bsm.miniature.mirror_uniprot import entries

K_AMINO_ACIDS, K_NUCLEOTIDES = 10, 13
"""A window of 80 % of an item (20 aa, 54 nt or more) at 95 % identity holds an exact run at least this long."""
MIN_AMINO_ACIDS = 20
"""Shorter items are the stumps that nonsense mutants of an assay leave: starts that members of a family may share."""


def best_identity(item: str, record: str, diagonal: int) -> float:
    """Best identity over any 80 % of ``item`` laid on ``record`` without gaps; letter i stands at i + diagonal."""
    inside = [i for i in range(len(item)) if 0 <= i + diagonal < len(record)]
    agree = np.zeros(len(item))
    agree[inside] = [item[i] == record[i + diagonal] for i in inside]
    window = -(-8 * len(item) // 10)
    sums = np.convolve(agree, np.ones(window), mode="valid")
    return float(sums.max()) / window


def accidents(items: Iterable[str], records: Iterable[str], k: int) -> list[tuple[str, str]]:
    """(item, record) at >= 95 % identity over >= 80 % of the item."""
    wanted: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for item in sorted(set(items)):
        for i in range(len(item) - k + 1):
            wanted[item[i : i + k]].append((item, i))
    found = []
    for record in records:
        diagonals = {(item, j - i) for j in range(len(record) - k + 1) for item, i in wanted.get(record[j : j + k], ())}
        found += [(item, record[:60]) for item, d in diagonals if best_identity(item, record, d) >= 0.95]
    return found


@pytest.fixture(scope="module")
def held_out_letters(items):
    """Sequences of the test and validation items, by whether they are nucleotides."""
    letters: dict[bool, set[str]] = {True: set(), False: set()}
    for rows in items.values():
        for row in rows:
            for role in "ab":
                is_stump = row[f"modality_{role}"] == "protein" and len(row[f"sequence_{role}"] or "") < MIN_AMINO_ACIDS
                if row["split"] != "train" and row[f"sequence_{role}"] and not is_stump:
                    letters[row[f"modality_{role}"] != "protein"].add(row[f"sequence_{role}"])
    return letters


def nucleotide_records(world) -> list[str]:
    files = release_records(world, [])
    own = [letters.lower() for name, records in files.items() if "protein" not in name for _, _, letters in records]
    contigs = [contig.letters for species in world.species for contig in species.contigs]
    return own + contigs


def test_no_protein_item_is_near_a_protein_of_the_corpora_or_hidden_in_dna(world, held_out_letters):
    proteins = [letters for _, letters in environmental_proteins(world)]
    proteins += [letters for _, _, letters in entries(world)]
    proteins += [t.protein for s in (*world.species, *world.gene_species) for g in s.genes for t in g.transcripts]
    for dna in nucleotide_records(world):
        plain = "".join(c if c in "acgt" else "n" for c in dna)
        proteins += [translate(strand[frame:]) for strand in (plain, reverse_complement(plain)) for frame in range(3)]
    assert accidents(held_out_letters[False], set(proteins), K_AMINO_ACIDS) == []


def test_no_nucleotide_item_is_near_a_nucleotide_record_on_either_strand(world, held_out_letters):
    items = held_out_letters[True]
    both = items | {reverse_complement(item) for item in items}
    assert accidents(both, nucleotide_records(world), K_NUCLEOTIDES) == []


def test_the_check_itself_finds_a_planted_copy_with_a_mismatch():
    item = "mnpqrstvwyacdefghikl".upper() * 3
    record = "GG" + item[:20] + "W" + item[21:] + "PP"
    assert accidents([item], [record], K_AMINO_ACIDS) == [(item, record[:60])]
