"""gene2accession joined and sampled: ours (one and two threads, bounded memory) beside an eager polars join.

    python benchmarks/bench_join.py [--rows 20_000_000] [--folder DIR]

Writes a table of generated rows (kept in --folder if given), chooses genes (at most 2,000 a species, up to a budget of
genomic letters) and takes their rows. The peers run in processes of their own, so that peak memory is each one's.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from bsm.base.gene2accession import COLUMNS, choose_genes, rows_of_genes

CAP, SPAN_NT = 2_000, 2_000_000_000


def make_table(path: Path, n_rows: int) -> None:
    """About four rows per gene, 300 species of very unequal size, 16 columns; the rows of a gene stand together."""
    rng = np.random.default_rng(1)
    per_gene = rng.integers(1, 8, n_rows // 4 + 1)
    gene = np.repeat(np.arange(per_gene.size), per_gene)[:n_rows]
    gene = np.append(gene, np.full(n_rows - gene.size, per_gene.size))
    species = np.sort(rng.zipf(1.3, per_gene.size + 1) % 300)[gene] + 9606
    start = rng.integers(0, 200_000_000, per_gene.size + 1)[gene]
    row = pl.int_range(0, n_rows, eager=True)
    dash = pl.lit("-")
    frame = pl.DataFrame({"t": species, "g": gene + 100, "s": start, "row": row})
    columns = (
        pl.col("t"), pl.col("g"), pl.lit("MODEL"), pl.format("XM_{}.1", 1_000_000 + pl.col("row")), dash,
        pl.format("XP_{}.1", 2_000_000 + pl.col("row")), dash, pl.format("NW_{}.1", pl.col("t")), dash, pl.col("s"),
        pl.col("s") + 500 + pl.col("g") % 9_000, pl.when(pl.col("g") % 2 == 0).then(pl.lit("+")).otherwise(dash),
        pl.lit("Primary Assembly"), dash, dash, pl.format("LOC{}", pl.col("g")),
    )  # fmt: skip
    names = (f"#{COLUMNS[0]}", *COLUMNS[1:])
    frame.select(c.alias(name) for name, c in zip(names, columns, strict=True)).write_csv(path, separator="\t")


def run_ours(table: Path, n_threads: int) -> dict[str, object]:
    genes = choose_genes(table, "bench", max_per_species=CAP, max_span_nt=SPAN_NT, n_threads=n_threads)
    digest, n_rows = hashlib.sha256(genes.tobytes()), 0
    for rows in rows_of_genes(table, genes, n_threads):
        digest.update(rows)
        n_rows += rows.count(b"\n")
    return {"n_genes": len(genes), "n_rows": n_rows, "sha256": digest.hexdigest()}


def run_polars(table: Path) -> dict[str, object]:
    """The same work eagerly: read, longest span of each gene, the first CAP of each species by a hash, inner join."""
    frame = pl.read_csv(table, separator="\t", null_values=None, infer_schema_length=1000)
    start, end = "start_position_on_the_genomic_accession", "end_position_on_the_genomic_accession"
    keys = ["#tax_id", "GeneID"]
    genes = frame.group_by(keys).agg((pl.col(end) - pl.col(start) + 1).max().alias("span"))
    genes = genes.with_columns(pl.struct(keys).hash(1).alias("rank")).sort("rank")
    genes = genes.filter(pl.int_range(pl.len()).over("#tax_id") < CAP)
    genes = genes.filter(pl.col("span").cum_sum() - pl.col("span") < SPAN_NT)
    joined = frame.join(genes.select(keys), on=keys, how="inner")
    return {"n_genes": genes.height, "n_rows": joined.height, "sha256": ""}


def measure(what: str, table: Path) -> dict[str, object]:
    """Run one contestant in a process of its own."""
    done = subprocess.run([sys.executable, __file__, "--run", what, "--table", str(table)], check=True,
                          stdout=subprocess.PIPE, text=True)  # fmt: skip
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=lambda text: int(text.replace("_", "")), default=20_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--run", help=argparse.SUPPRESS)
    parser.add_argument("--table", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.run:
        started = time.perf_counter()
        found = run_polars(args.table) if args.run == "polars" else run_ours(args.table, int(args.run))
        found["seconds"] = time.perf_counter() - started
        status = Path("/proc/self/status").read_text()  # ru_maxrss would count the parent's memory at the fork
        found["peak_mib"] = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024
        print(json.dumps(found))
        return
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        table = Path(folder) / "gene2accession.tsv"
        make_table(table, args.rows)
        started = time.perf_counter()
        n_lines = sum(block.count(b"\n") for block in _blocks(table))
        limit = n_lines / (time.perf_counter() - started)
        runs = {what: [measure(what, table) for _ in range(args.repeats)] for what in ("1", "2", "polars")}
    print(f"{args.rows:,} rows; counting line ends: {limit / 1e6:.1f} M rows/s (read once; the join reads twice)")
    best = {what: args.rows / sorted(r["seconds"] for r in found)[len(found) // 2] for what, found in runs.items()}
    for what, found in runs.items():
        seconds = sorted(r["seconds"] for r in found)
        name = "polars, eager" if what == "polars" else f"ours, {what} thread(s)"
        spread = (seconds[-1] - seconds[0]) / seconds[len(seconds) // 2]
        print(f"{name:18} {best[what] / 1e6:6.2f} M rows/s  {best[what] / best['polars']:5.2f}x  n={len(found)} "
              f"spread {spread:4.0%}  peak {found[0]['peak_mib']:7,.0f} MiB  {found[0]['n_genes']:,} genes "
              f"{found[0]['n_rows']:,} rows")  # fmt: skip
    same = len({r["sha256"] for what in ("1", "2") for r in runs[what]}) == 1
    print(f"one and two threads give the same genes and rows: {same}")


def _blocks(path: Path):
    with open(path, "rb") as handle:
        while block := handle.read(4 << 20):
            yield block


if __name__ == "__main__":
    main()
