"""Precision and recall of `bsm interleave` on the hand labels of web documents (docs/labels).

    python benchmarks/interleave_labels.py FOLDER [--set first|second] [--half dev|test|both] [--labels docs/labels]
        [--show-letters 0]

FOLDER holds documents_with_sequences.jsonl.gz and documents_hard_negatives.jsonl.gz. The first set of labels
(web_*.csv) was drawn in two halves, the second (second_*.csv) is one test set. Two ways of matching are counted
side by side, one label to one found sequence, modality equal in both:

* exact: start and end equal;
* near: characters in both spans / characters in either (Jaccard) at least 0.9. One character at an end (a `*`) passes
  at every length that counts, a missed line of a record of ten does not.

Intervals are 95 % percentile intervals of 10,000 resamples of documents: sequences of a document are found or missed
together. An interval of no width says that no document of the half holds such an error, not that none exists. Errors
are listed by document, span and number of letters, without the text (--show-letters N: first N letters of each span).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bsm.base.config.data import InterleaveSettings
from bsm.base.randomness import generator
from bsm.interleave.detect import Hit, explain

STEMS = {"first": "web", "second": "second"}
"""Set of labels -> first word of its files' names."""
FILES = ("documents_with_sequences.jsonl.gz", "documents_hard_negatives.jsonl.gz")
MODALITIES = ("dna", "rna", "protein")
N_RESAMPLES = 10_000
NEAR_JACCARD = 0.9


@dataclass(frozen=True, order=True)
class Span:
    start: int
    end: int
    modality: str

    def jaccard(self, other: Span) -> float:
        shared = min(self.end, other.end) - max(self.start, other.start)
        return max(0, shared) / (max(self.end, other.end) - min(self.start, other.start))


@dataclass
class Document:
    """Labels and found sequences of one document, and the pairs of them that match."""

    id: str
    text: str
    labels: list[Span]
    hits: list[Hit]

    def __post_init__(self) -> None:
        self.found = [Span(h.start, h.end, str(h.modality)) for h in self.hits if not h.reason]
        self.exact = matches(self.labels, self.found, 1.0)
        self.near = matches(self.labels, self.found, NEAR_JACCARD)


def matches(labels: Sequence[Span], found: Sequence[Span], least: float) -> list[tuple[int, int]]:
    """One-to-one pairs (label, found) of one modality with at least this Jaccard index, the best first."""
    pairs = [
        (-label.jaccard(span), i, j)
        for i, label in enumerate(labels)
        for j, span in enumerate(found)
        if label.modality == span.modality and label.jaccard(span) >= least
    ]
    taken: tuple[set[int], set[int]] = (set(), set())
    chosen = []
    for _, i, j in sorted(pairs):
        if i not in taken[0] and j not in taken[1]:
            taken[0].add(i)
            taken[1].add(j)
            chosen.append((i, j))
    return chosen


def read_documents(folder: Path, labels: Path, stem: str, half: str, settings: InterleaveSettings) -> list[Document]:
    """Documents of a set of labels (its files' first word) and half, scanned."""
    with open(labels / f"{stem}_documents.csv", newline="") as handle:
        names = {row["document_id"] for row in csv.DictReader(handle) if half in ("both", row.get("half"))}
    spans: dict[str, list[Span]] = defaultdict(list)
    with open(labels / f"{stem}_spans.csv", newline="") as handle:
        for row in csv.DictReader(handle):
            spans[row["document_id"]].append(Span(int(row["start"]), int(row["end"]), row["modality"]))
    documents = []
    for document in (d for name in FILES for d in read_jsonl(folder / name)):
        name, text = document["id"], document["text"]
        if name in names:
            documents.append(Document(name, text, sorted(spans[name]), explain(text, settings)))
    missing = names - {document.id for document in documents}
    if missing:
        raise SystemExit(f"{folder}: {len(missing)} labelled documents are not in its files, the first {min(missing)}")
    return sorted(documents, key=lambda document: document.id)


def read_jsonl(path: Path) -> Iterable[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as handle:
        for line in handle:
            yield json.loads(line)


def counts(document: Document, modality: str | None) -> list[int]:
    """[labels, found, exact matches, near matches] of a modality, or of all."""
    keep = [modality] if modality else list(MODALITIES)
    exact = sum(document.labels[i].modality in keep for i, _ in document.exact)
    near = sum(document.labels[i].modality in keep for i, _ in document.near)
    return [
        sum(s.modality in keep for s in document.labels),
        sum(s.modality in keep for s in document.found),
        exact,
        near,
    ]


def with_interval(per_document: np.ndarray, above: Sequence[int], below: Sequence[int], name: str) -> str:
    """A ratio of sums over documents (int64[n_documents, n_columns]) with its interval."""
    n = len(per_document)
    weights = generator("interleave labels", name).multinomial(n, np.full(n, 1 / n), size=N_RESAMPLES)
    sums = np.vstack([per_document.sum(axis=0), weights @ per_document])
    bottom = sums[:, below].sum(axis=1)
    ratio = np.divide(sums[:, above].sum(axis=1), bottom, out=np.full(len(sums), np.nan), where=bottom > 0)
    if np.isnan(ratio[0]):
        return f"{'-':>21}"
    low, high = np.nanpercentile(ratio[1:], [2.5, 97.5])
    return f"{ratio[0]:.4f} [{low:.3f}, {high:.3f}]"


def print_sequences(documents: Sequence[Document]) -> None:
    print(f"{'sequences':9} {'labels':>6} {'found':>6} {'exact':>6} {'near':>5}  {'precision, exact':21}  "
          f"{'recall, exact':21}  {'precision, near':21}  {'recall, near':21} documents")  # fmt: skip
    for modality in (*MODALITIES, None):
        table = np.array([counts(document, modality) for document in documents], dtype=np.int64)
        name = modality or "all"
        ratios = [
            with_interval(table, [top], [bottom], name) for top, bottom in ((2, 1), (2, 0), (3, 1), (3, 0))
        ]  # fmt: skip
        labels, found, exact, near = table.sum(axis=0)
        n_with = int(np.count_nonzero(table[:, 0]))
        print(f"{name:9} {labels:6} {found:6} {exact:6} {near:5}  {'  '.join(ratios)} {n_with:9}")


def print_documents(documents: Sequence[Document], least: int) -> None:
    """Documents that reach the number of sequences the pipeline asks for, whatever their spans."""
    wanted = np.array([len(document.labels) >= least for document in documents])
    given = np.array([len(document.found) >= least for document in documents])
    table = np.stack([wanted & given, wanted & ~given, ~wanted & given], axis=1).astype(np.int64)
    table = np.hstack([table, table[:, :1]])  # twice the true positives, for F1
    true, missed, false, _ = table.sum(axis=0)
    print(f"\ndocuments with {least} or more: labelled {true + missed}, found {true + false}, both {true}")
    for name, above, below in (("precision", [0], [0, 2]), ("recall", [0], [0, 1]), ("F1", [0, 3], [0, 3, 1, 2])):
        print(f"  {name:9} {with_interval(table, above, below, 'documents')}")
    exact = sum(document.labels == document.found for document in documents)
    print(f"  all spans and modalities right: {exact} of {len(documents)}")


def reason_missed(label: Span, document: Document) -> str:
    """Why a label has no exact match: what was made of its letters instead."""
    over = [hit for hit in document.hits if hit.start < label.end and label.start < hit.end]
    found = [hit for hit in over if not hit.reason]
    if any((hit.start, hit.end) == (label.start, label.end) for hit in found):
        return "found as " + next(str(h.modality) for h in found if (h.start, h.end) == (label.start, label.end))
    if found:
        near = max(found, key=lambda hit: label.jaccard(Span(hit.start, hit.end, "")))
        return f"other borders: {near.start}-{near.end} ({near.layout})"
    if over:
        best = max(over, key=lambda hit: min(hit.end, label.end) - max(hit.start, label.start))
        return f"refused: {best.reason} ({best.layout})"
    return "no candidate"


def reason_taken(span: Span, document: Document) -> str:
    """Why a found sequence has no exact match."""
    layout = next(h.layout for h in document.hits if not h.reason and (h.start, h.end) == (span.start, span.end))
    over = [label for label in document.labels if label.start < span.end and span.start < label.end]
    if any((label.start, label.end) == (span.start, span.end) for label in over):
        return f"labelled as another modality ({layout})"
    return f"labelled with other borders ({layout})" if over else f"not labelled ({layout})"


def print_errors(documents: Sequence[Document], n_shown: int) -> None:
    print("\nerrors under exact matching (a pair that matches nearly is marked ~)")
    for document in documents:
        exact = {i for i, _ in document.exact}, {j for _, j in document.exact}
        near = {i for i, _ in document.near}, {j for _, j in document.near}
        lines = [(s, "missed", reason_missed(s, document), i in near[0])
                 for i, s in enumerate(document.labels) if i not in exact[0]]  # fmt: skip
        lines += [(s, "taken", reason_taken(s, document), j in near[1])
                  for j, s in enumerate(document.found) if j not in exact[1]]  # fmt: skip
        for span, kind, reason, is_near in sorted(lines):
            text = document.text[span.start : span.end]
            n_letters = sum(c.isalpha() for c in text)
            shown = repr(text[:n_shown]) if n_shown else ""
            print(f"  {document.id} {kind:6} {'~' if is_near else ' '} {span.start:7}-{span.end:<7} {span.modality:7} "
                  f"{n_letters:6} letters  {reason}  {shown}".rstrip())  # fmt: skip


def print_hard_negatives(folder: Path, settings: InterleaveSettings) -> None:
    """All hard negatives, labelled or not: none may reach the number of sequences that the pipeline asks for."""
    numbers = [
        sum(not hit.reason for hit in explain(document["text"], settings)) for document in read_jsonl(folder / FILES[1])
    ]
    n_taken = sum(n >= settings.min_sequences for n in numbers)
    print(f"\nhard negatives: {n_taken} of {len(numbers)} reach {settings.min_sequences} sequences")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--set", choices=STEMS, default="first", help="labels (default: first)")
    parser.add_argument("--half", choices=("dev", "test", "both"), default="both", help="of the first set")
    parser.add_argument("--labels", type=Path, default=Path(__file__).resolve().parents[1] / "docs" / "labels")
    parser.add_argument("--show-letters", type=int, default=0, metavar="N")
    args = parser.parse_args()
    if args.set == "second" and args.half != "both":
        parser.error("the second set has no halves")
    settings = InterleaveSettings()
    documents = read_documents(args.folder, args.labels, STEMS[args.set], args.half, settings)
    print(f"{args.set} set, half {args.half}: {len(documents)} documents, settings {settings.model_dump()}\n")
    print_sequences(documents)
    print_documents(documents, settings.min_sequences)
    print_errors(documents, args.show_letters)
    print_hard_negatives(args.folder, settings)


if __name__ == "__main__":
    main()
