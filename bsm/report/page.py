"""data.md: the data of a run on one readable page, from the tables that the stages left."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bsm.base.tables import GENES, iter_tables
from bsm.report import stages
from bsm.report.hits import HEADER as HITS_HEADER
from bsm.report.hits import hit_rows

_Row = dict[str, Any]
_MODALITIES = ("dna", "rna", "protein")

_UNRESOLVED = (
    "Species without an annotated assembly (nothing stands in for them) and records that no publisher's file held; "
    "each is in unresolved.csv beside the raw files."
)


@dataclass(frozen=True)
class Tables:
    """What the page shows: rows as the CSV and JSON files hold them, and paths of the large tables."""

    sources: Sequence[_Row]
    counts: Sequence[_Row]
    manifests: Sequence[_Row]
    plan: Sequence[_Row]
    planted: Sequence[_Row]
    genes: Sequence[Path]
    hits: Sequence[Path]
    clean: Sequence[Path]


def page(title: str, corpus: str, is_generated: bool, tables: Tables) -> str:
    """The page as Markdown. ``is_generated``: the figures describe a generated world, and the page says so."""
    parts = [f"# {title}", f"Corpus: **{corpus}**."]
    if is_generated:
        parts.append(
            "All figures are those of the generated miniature: they test the pipeline and say nothing about "
            "real genomes, proteins or web pages."
        )
    parts += ["## Corpora and tokens", *_corpora(tables.manifests)]
    parts += ["## Supply, budget and passes", *_plan(tables.plan)]
    parts += ["## Letters and records through the stages", *_flow(tables.counts)]
    parts += ["## What was left out, and why", *_lost(tables.counts)]
    if tables.genes:
        parts += ["## Genes", *_genes(tables.genes)]
    parts += ["## Benchmark items found in the data", *_hits(tables)]
    if tables.planted:
        parts += ["## Planted and found", *_planted(tables.planted)]
    parts += ["## Files and licences", *_licences(tables.sources)]
    if missing := [[row["source"], row["part"], row["missing"]] for row in tables.sources if row["missing"]]:
        parts += ["## Unresolved sources", _UNRESOLVED, table(("source", "part", "what and why"), missing)]
    return "\n\n".join(parts) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; numbers are right-aligned with thousands separators."""
    body = [list(row) for row in rows]
    numeric = [bool(body) and all(isinstance(row[i], int | float) for row in body) for i in range(len(header))]
    lines = [_line(header), _line("---:" if right else "---" for right in numeric)]
    return "\n".join(lines + [_line(f"{v:,}" if isinstance(v, int) else str(v) for v in row) for row in body])


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _corpora(manifests: Sequence[_Row]) -> list[str]:
    rows = []
    for manifest in sorted(manifests, key=lambda m: (m["group"], m["source"])):
        train, valid = manifest["splits"]["train"], manifest["splits"]["valid"]
        by_modality = [train["n_tokens_by_modality"][name] for name in _MODALITIES]
        rows.append([
            manifest["source"], manifest["group"], train["n_documents"], train["n_tokens"], *by_modality,
            valid["n_tokens"], f"{train['padding_share']:.2%}", f"{train['cut_share']:.2%}",
        ])  # fmt: skip
    header = ("source", "group", "documents", "tokens", *_MODALITIES, "validation tokens", "padding", "cut")
    text = (
        "Tokens are those of the training shards without padding; the modalities leave out special tokens. "
        "*Cut* is the share of documents that are a window of a longer record."
    )
    return [text, table(header, rows)]


def _plan(plan: Sequence[_Row]) -> list[str]:
    rows = [
        [row["arm"], row["round"], row["mix"], row["group"], row["supply_tokens"], row["budget_tokens"],
         f"{float(row['passes']):.2f}" if row["passes"] else "-"]
        for row in plan if row["source"] == "all"
    ]  # fmt: skip
    text = "Rounds whose mix is chosen by annealing list every candidate; the sum over rounds takes the worst of each."
    return [text, table(("arm", "round", "mix", "group", "supply", "budget", "passes"), rows)]


def _flow(counts: Sequence[_Row]) -> list[str]:
    letters, records = stages.letters_through(counts), stages.records_through(counts)
    if not letters:
        return ["No counts of clean corpora were given."]
    return [
        "Letters: the corpus, less what was removed for benchmark items (clean.search) and as duplicates or copies of "
        "validation sequences (clean.gate), is the clean corpus; that, less what no sample takes, stands in the "
        "shards. *Unaccounted* is what these numbers leave open.",
        table(stages.LETTERS_HEADER, letters),
        "Records dropped whole; a record that loses letters in its middle becomes two.",
        table(stages.RECORDS_HEADER, records),
    ]


def _lost(counts: Sequence[_Row]) -> list[str]:
    lost, items = stages.lost(counts), stages.left_out_items(counts)
    parts = [table(stages.LOST_HEADER, lost) if lost else "Nothing was dropped."]
    if items:
        text = (
            "Items of the benchmarks that are left out of evaluation (acquire) or need no search of their own "
            "(clean.items: training items, variants that are searched through their wild type) or cannot be searched."
        )
        parts += ["### Benchmark items", text, table(stages.ITEMS_HEADER, items)]
    return parts


def _genes(paths: Sequence[Path]) -> list[str]:
    counts: Counter[tuple[str, str, str]] = Counter()
    for path in paths:
        for rows in iter_tables(path, GENES, ("status", "reason")):
            for row in rows.to_pylist():
                counts[path.parent.name, row["status"], row["reason"] or ""] += 1
    return [
        table(("source", "status", "reason or exception", "transcripts"), [[*k, n] for k, n in sorted(counts.items())])
    ]


def _hits(tables: Tables) -> list[str]:
    rows = hit_rows(tables.hits, tables.clean)
    text = (
        "*Removed* are hits that the level in force removes. *Left* are hits below that level whose place still "
        "stands in the clean corpus; the others went with a removed neighbour, a dropped record or a duplicate."
    )
    if not tables.clean:
        text += " Without the clean corpora (--clean) this is not known."
    return [text, table(HITS_HEADER, rows)] if rows else ["None."]


def _planted(planted: Sequence[_Row]) -> list[str]:
    header = ("subject", "kind", "planted", "found", "wrongly found")
    return [
        "*Found* counts right answers (for look-alikes and genes to be rejected: left out, as they should be). "
        "*Not planted* are answers without a planted one; for leaks, records that resemble a benchmark item because "
        "both belong to one family. A leak is found where its item was removed at the planted place and no longer "
        "stands in the clean corpus; *still there* are those whose letters do.",
        table(header, _planted_summary(planted)),
        "### By source, layout and task",
        _planted_detail(planted),
    ]


def _planted_summary(planted: Sequence[_Row]) -> list[list[object]]:
    """Sums over sources, layouts and tasks: one row per kind."""
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in planted:
        kind, _, rest = row["kind"].partition(": ")
        kind = row["kind"] if row["subject"] == "pairs" and rest else kind
        for i, column in enumerate(("planted", "found", "wrongly_found")):
            sums[row["subject"], kind][i] += row[column]
    return [[*key, *values] for key, values in sorted(sums.items())]


def _planted_detail(planted: Sequence[_Row]) -> str:
    rows = [
        [row["subject"], row["source"], row["kind"], row["planted"], row["found"], row["wrongly_found"], row["share"]]
        for row in planted
    ]
    return table(("subject", "source", "kind", "planted", "found", "wrongly found", "share right"), rows)


def _licences(sources: Sequence[_Row]) -> list[str]:
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for row in sources:
        entry = sums[row["source"], row["licence"]]
        entry[0] += 1
        entry[1] += int(row["bytes"])
    return [table(("source", "licence", "files", "bytes"), [[*key, *values] for key, values in sorted(sums.items())])]
