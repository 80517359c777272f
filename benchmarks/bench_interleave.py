"""Throughput of interleave on one core: the prefilter over text, and the whole stage from Parquet to Parquet.

    python benchmarks/bench_interleave.py [--megabytes 220] [--repeats 3] [--cpu 0] [--folder DIR]

Text is English (sentences of CPython's language reference without anything that the prefilter looks for, shuffled,
documents of 4,000 characters); one document in a hundred holds sequences. Every contestant runs once a round, rates are
medians, in MB of text a second. Peers:

* ripgrep -j1 with the prefilter's pattern, and GNU grep -P, both counting lines of one file (where installed);
* polars str.contains, the same engine as ripgrep's (Rust's regex), document by document;
* a Python `re` filter in datatrove, on a tenth of the documents;
* for the stage: ParquetReader, that filter, ParquetWriter of datatrove, on a tenth.

Limits: a copy of the text in memory; for the stage, polars reading the columns. The pattern for engines without
look-around says `\\b` instead. What the prefilter passes and what the pattern passes are compared.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from pydoc_data.topics import topics

os.environ |= {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from datatrove.pipeline.filters import LambdaFilter
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import ParquetWriter
from loguru import logger
from race import Contestants, round_robin

from bsm.base.config.data import InterleaveSettings
from bsm.base.counts import Counts
from bsm.base.sequence_prefilter import may_hold_sequences
from bsm.interleave.candidates import ANCHOR
from bsm.interleave.detect import find_sequences
from bsm.interleave.documents import plan_pieces
from bsm.interleave.merge import merge
from bsm.interleave.pipeline import forget, piece_path, run_pieces

WITHOUT_LOOK_AROUND = ANCHOR.pattern.replace("(?<![A-Za-z])", r"\b").replace("(?![A-Za-z])", r"\b")
DOCUMENT_CHARACTERS, HIT_SHARE, SUBSET = 4_000, 0.01, 10
FINEWEB_EDU_BYTES, N_CORES = 6e12, 64
KEPT_SHARES = (0.009, 0.059)
"""Text of textbooks that passes the prefilter, in documents of 4,000 and of 17,500 characters (docs/acquire.md)."""
SETTINGS = InterleaveSettings()


def make_documents(megabytes: int) -> list[str]:
    """English documents, one in a hundred with one to five sequences."""
    rng = random.Random(1)
    sentences = [s for text in topics.values() for s in re.split(r"(?<=[.:;])\s+", text) if 30 < len(s) < 400]
    sentences = [s for s in sentences if s.isascii() and not ANCHOR.search(s)]
    documents = []
    for _ in range(megabytes * 1_000_000 // DOCUMENT_CHARACTERS):
        parts = rng.choices(sentences, k=DOCUMENT_CHARACTERS // 100)
        if rng.random() < HIT_SHARE:
            for _ in range(rng.randint(1, 5)):
                parts.insert(rng.randrange(len(parts)), "".join(rng.choices("ACGT", k=rng.randint(20, 300))))
        documents.append(" ".join(parts)[:DOCUMENT_CHARACTERS])
    return documents


def race(
    title: str, megabytes: float, contestants: Contestants, repeats: int, shares: dict[str, float]
) -> dict[str, float]:
    """Run round-robin and print a line for each; returns MB/s. ``shares``: part of the text that a contestant reads."""
    seconds = round_robin(contestants, repeats, shares)
    rates = {name: megabytes / statistics.median(times) for name, times in seconds.items()}
    print(f"\n{title}\n{'':44} {'MB/s':>9} {'ours is':>9} {'n':>3} spread")
    for name, times in seconds.items():
        spread = (max(times) - min(times)) / statistics.median(times)
        print(
            f"{name:44} {rates[name]:9,.0f} {rates['ours'] / rates[name]:8.2f}x {repeats:3} {spread:5.0%}", flush=True
        )
    return rates


def counted_lines(program: str, options: list[str], path: Path) -> Callable[[], object]:
    command = [program, *options, str(path)]
    return lambda: subprocess.run(command, check=True, stdout=subprocess.PIPE, env={**os.environ, "LC_ALL": "C"})


def datatrove_filter(folder: Path, out: Path | None) -> None:
    """The filter one would write first, document by document; with ``out`` what passes is written as Parquet."""
    anchor = re.compile(ANCHOR.pattern)
    documents = ParquetReader(str(folder)).run(None, 0, 1)
    passed = LambdaFilter(lambda document: anchor.search(document.text) is not None).run(documents, 0, 1)
    for _ in ParquetWriter(str(out)).run(passed, 0, 1) if out else passed:
        pass


def stage(parquet: Path, folder: Path) -> None:
    """What `bsm interleave` does with a source, one worker."""
    pieces = plan_pieces([parquet], [])
    state = run_pieces(pieces, folder / "state", SETTINGS, 1)
    results = [piece_path(state, index) for index in range(len(pieces))]
    merge(
        results,
        folder / "found.parquet",
        folder / "corpus.parquet",
        Counts("interleave", "web", "all"),
        SETTINGS,
        "",
        0,
    )
    forget(state)


def write_parquet(documents: list[str], folder: Path) -> Path:
    folder.mkdir()
    names = [f"<urn:uuid:{i:032x}>" for i in range(len(documents))]
    columns = {"text": documents, "id": names, "dump": ["d"] * len(names), "url": ["https://example.org"] * len(names)}
    pq.write_table(pa.table(columns), folder / "documents.parquet", row_group_size=1_000)
    return folder / "documents.parquet"


def compare(documents: list[str], passed: np.ndarray) -> None:
    """What the prefilter passes beside what the pattern passes; the sequences must be the same."""
    by_pattern = np.array([ANCHOR.search(document) is not None for document in documents])
    n_lost = int(np.count_nonzero(by_pattern & ~passed))
    print(f"documents {len(documents):,}: the prefilter passes {passed.sum():,}, the pattern {by_pattern.sum():,}, "
          f"lost {n_lost}")  # fmt: skip
    spans = [[(h.start, h.end) for i in np.flatnonzero(which) for h in find_sequences(documents[i], SETTINGS)]
             for which in (passed, by_pattern)]  # fmt: skip
    print(f"spans found behind either: {len(spans[0]):,} and {len(spans[1]):,}, identical: {spans[0] == spans[1]}")


def print_cost(stage_rate: float, detector_rate: float, share_here: float) -> None:
    """Core hours of the whole of FineWeb-Edu: reading and prefilter for all, the detector for what passes."""
    base = 1 / stage_rate - share_here / detector_rate
    megabytes = FINEWEB_EDU_BYTES / 1e6
    print(f"\nFineWeb-Edu, {megabytes:.1e} MB of text (upper estimate), at these rates")
    for share in KEPT_SHARES:
        hours = megabytes * (base + share / detector_rate) / 3600
        print(f"  where {share:.1%} of it passes: {megabytes:.1e} MB x ({base * 1e3:.2f} ms reading and prefilter + "
              f"{share:.3f} x {1e3 / detector_rate:.0f} ms detector)")  # fmt: skip
        print(f"    = {hours:.1f} core hours = {hours / N_CORES * 60:.0f} min on {N_CORES} cores")


def text_contestants(documents: list[str], texts: pa.Array, folder: Path, subset: Path) -> Contestants:
    data = np.frombuffer(texts.buffers()[2], dtype=np.uint8)
    other = data.copy()
    lines = folder / "text.txt"
    lines.write_text("\n".join(document.replace("\n", " ") for document in documents))
    frame = pl.Series(texts)
    contestants: Contestants = {"ours": lambda: may_hold_sequences(texts)}
    if shutil.which("rg"):
        contestants["ripgrep -j1 --count"] = counted_lines("rg", ["-j1", "--count", WITHOUT_LOOK_AROUND], lines)
    else:
        print("ripgrep is not installed; polars has its engine")
    if shutil.which("grep"):
        contestants["GNU grep -P --count"] = counted_lines("grep", ["-P", "--count", ANCHOR.pattern], lines)
    contestants["polars str.contains (Rust regex)"] = lambda: frame.str.contains(WITHOUT_LOOK_AROUND)
    contestants["Python re in datatrove"] = lambda: datatrove_filter(subset, None)
    contestants["limit: copy in memory"] = lambda: np.copyto(other, data)
    return contestants


def measure(folder: Path, megabytes: int, repeats: int) -> None:
    documents = make_documents(megabytes)
    texts = pa.array(documents, pa.large_string())
    size = texts.buffers()[2].size / 1e6
    parquet = write_parquet(documents, folder / "all")
    write_parquet(documents[::SUBSET], folder / "subset")
    passed = may_hold_sequences(texts)
    print(f"{size:.0f} MB of text, pinned to CPU {os.sched_getaffinity(0)}, load {os.getloadavg()[0]:.1f}")
    compare(documents, passed)
    contestants = text_contestants(documents, texts, folder, folder / "subset")
    race("prefilter over text", size, contestants, repeats, {"Python re in datatrove": 1 / SUBSET})
    columns = ["text", "id", "dump", "url"]
    rates = race("whole stage, Parquet to Parquet", size, {
        "ours": lambda: stage(parquet, folder),
        "datatrove, document by document": lambda: datatrove_filter(folder / "subset", folder / "out"),
        "limit: polars reads the columns": lambda: pl.read_parquet(parquet, columns=columns),
    }, repeats, {"datatrove, document by document": 1 / SUBSET})  # fmt: skip
    candidates = [documents[i] for i in np.flatnonzero(passed)]
    share = sum(map(len, candidates)) / 1e6 / size
    detector = race("detector over the documents that pass", share * size, {
        "ours": lambda: [find_sequences(document, SETTINGS) for document in candidates],
    }, repeats, {})  # fmt: skip
    print_cost(rates["ours"], detector["ours"], share)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=220)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cpu", type=int, help="pin everything to this processor")
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    if args.cpu is not None:
        os.sched_setaffinity(0, {args.cpu})
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    logger.remove()
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        measure(Path(name), args.megabytes, args.repeats)


if __name__ == "__main__":
    main()
