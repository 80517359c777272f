"""Planted and found: what the pipeline made of a world whose answers are known.

The truth folder is that of the miniature (``truth/{pairs,web,leaks}.parquet``). Only this stage and tests read it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bsm.report.planted_leaks import tally_leaks
from bsm.report.planted_pairs import sampled_genes, tally_pairs
from bsm.report.planted_web import tally_web
from bsm.report.tally import Tallies, Tally

COLUMNS = ("corpus", "subject", "source", "kind", "planted", "found", "wrongly_found", "share")


@dataclass(frozen=True)
class Answers:
    """Where the pipeline's answers stand; ``clean`` empty: whether planted letters are gone is not checked."""

    genes: Sequence[Path] = ()
    found: Sequence[Path] = ()
    hits: Sequence[Path] = ()
    clean: Sequence[Path] = ()
    file_lists: Sequence[Path] = ()


def planted_rows(truth: Path, corpus: str, answers: Answers) -> list[dict[str, object]]:
    """Rows of planted_found.csv, sorted by subject, source and kind."""
    tallies: Tallies = defaultdict(Tally)
    tally_pairs(truth, answers.genes, sampled_genes(answers.file_lists), tallies)
    tally_web(truth, answers.found, tallies)
    tally_leaks(truth, answers.hits, answers.found, answers.clean, tallies)
    return list(_rows(corpus, tallies))


def _rows(corpus: str, tallies: Tallies) -> Iterable[dict[str, object]]:
    for (subject, source, kind), tally in sorted(tallies.items()):
        yield {
            "corpus": corpus, "subject": subject, "source": source, "kind": kind, "planted": tally.planted,
            "found": tally.found, "wrongly_found": tally.wrongly_found, "share": tally.share,
        }  # fmt: skip
