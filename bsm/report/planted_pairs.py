"""Planted genes: found where DNA, RNA, coding letters and protein are those of the truth, letter for letter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from bsm.base.errors import InputError
from bsm.base.filelist import read_file_list
from bsm.base.files import reading_text
from bsm.base.tables import GENES, read_table
from bsm.report.inputs import Row, truth_rows
from bsm.report.tally import NOT_PLANTED, Key, Tallies, key_of, take

_LETTERS = ("dna", "rna", "cds", "protein")
_NAMES = ("gene_id", "transcript_id", "protein_id")
_TRUTH = ("source", "part", *_NAMES, *_LETTERS, "expected", "special")
_TABLE_ROLE, _GENE_COLUMN = "gene2accession", "GeneID"
Sampled = dict[tuple[str, str], set[str]]
"""(source, part) -> ids of the genes that acquire drew for it."""


def sampled_genes(file_lists: Iterable[Path]) -> Sampled:
    """Genes of the parts whose file list names a table of drawn genes (role gene2accession)."""
    sampled: Sampled = {}
    for path in file_lists:
        for file in read_file_list(path):
            if file.role == _TABLE_ROLE:
                part = path.parent.parent.name, path.parent.name
                sampled.setdefault(part, set()).update(_gene_ids(path.parent / file.path))
    return sampled


def _gene_ids(path: Path) -> set[str]:
    try:
        with reading_text(path) as handle:
            column = handle.readline().rstrip("\n").lstrip("#").split("\t").index(_GENE_COLUMN)
            return {line.rstrip("\n").split("\t")[column] for line in handle}
    except (ValueError, IndexError, OSError) as error:
        raise InputError("not a table of genes", where=str(path), way_out="Run bsm acquire again") from error


def tally_pairs(truth: Path, paths: Iterable[Path], sampled: Sampled, tallies: Tallies) -> None:
    """Compare every table of genes with the truth of its part; of a part that draws genes, with those drawn."""
    planted = truth_rows(truth / "pairs.parquet", _TRUTH)
    for path in paths:
        source, part = path.parent.name, path.name.removesuffix(".genes.parquet")
        mine = [row for row in planted if (row["source"], row["part"]) == (source, part)]
        if (drawn := sampled.get((source, part))) is not None:
            mine = [row for row in mine if row["gene_id"] in drawn]
        if mine:
            rows = read_table(path, GENES, ("status", *_NAMES, *_LETTERS)).to_pylist()
            _compare(source, mine, [row for row in rows if row["status"] == "kept"], tallies)


def _compare(source: str, planted: list[Row], kept: list[Row], tallies: Tallies) -> None:
    remaining = Counter(key_of(row, ("gene_id", *_LETTERS)) for row in kept)
    kept_names = Counter(key_of(row, _NAMES) for row in kept)
    for row in (row for row in planted if row["expected"] == "kept"):
        tally = tallies["pairs", source, f"kept: {row['special'] or 'ordinary'}"]
        tally.planted += 1
        tally.found += any(take(remaining, key) for key in _right_answers(row))
    n_wrong = sum(remaining.values())
    for row in (row for row in planted if row["expected"] == "rejected"):
        tally = tallies["pairs", source, f"rejected: {row['special'] or 'ordinary'}"]
        tally.planted += 1
        was_kept = take(kept_names, key_of(row, _NAMES))
        tally.wrongly_found += was_kept
        tally.found += 1 - was_kept
        n_wrong -= was_kept
    tallies["pairs", source, NOT_PLANTED].wrongly_found += n_wrong


def _right_answers(planted: Row) -> list[Key]:
    """The planted letters; where the annotation has no transcript, the coding letters may also stand as the rna."""
    answers = [planted] if planted["rna"] else [planted, planted | {"rna": planted["cds"]}]
    return [key_of(row, ("gene_id", *_LETTERS)) for row in answers]
