"""One benchmark: fetch its files, read its format, check the published counts, write one table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bsm.acquire.benchmarks.evo_dms import read_evo_dms
from bsm.acquire.benchmarks.items import Converted, check_expected, n_letters
from bsm.acquire.benchmarks.lucaone import folder_of, read_lucaone
from bsm.acquire.benchmarks.proteingym import REFERENCE, assay_files, read_proteingym
from bsm.acquire.benchmarks.table import read_benchmark_table
from bsm.acquire.hub import list_folder, resolve_commit
from bsm.acquire.part import Part, Wanted
from bsm.base.config.sources import Benchmark
from bsm.base.counts import Counts
from bsm.base.errors import DownloadError, InputError
from bsm.base.tables import BENCHMARK_ITEMS, write_table


def acquire_benchmark(part: Part, benchmark: Benchmark, items: Path, counts: Path) -> None:
    """Write ``items`` (BENCHMARK_ITEMS) and ``counts``; the raw files stay in the part's folder."""
    tally = Counts("acquire", benchmark.name, "all")
    resolved, converted = _FORMATS[benchmark.format](part, benchmark, tally)
    if not converted.items:
        raise InputError("no item is left", where=f"benchmark {benchmark.name}", way_out="Check its files and assays")
    check_expected(benchmark, converted.n_published)
    for item in converted.items:
        tally.keep(n_letters(item), reason=item["split"])
    write_table(items, converted.items, BENCHMARK_ITEMS)
    tally.write(counts)
    part.finish({**resolved, "n_published": dict(sorted(converted.n_published.items()))})


def _lucaone(part: Part, benchmark: Benchmark, counts: Counts) -> tuple[dict[str, str], Converted]:
    server, dataset = benchmark.server, benchmark.path
    commit = resolve_commit(part.fetcher, server, dataset, benchmark.version, part.lock.resolved.get("commit"))
    folder = folder_of(benchmark)
    wanted = [
        replace(file, name=file.name.removeprefix(f"{folder}/"))
        for file in list_folder(part.fetcher, server, dataset, commit, folder, "benchmark")
        if file.name.endswith((".csv", "label.txt"))
    ]
    if not wanted:
        raise DownloadError("no files of this task", where=f"{dataset}@{commit}", value=folder,
                            way_out="Check the data set's name")  # fmt: skip
    part.fetch(server, wanted, commit)
    return {"commit": commit}, read_lucaone(part.folder, benchmark, counts)


def _evo_dms(part: Part, benchmark: Benchmark, counts: Counts) -> tuple[dict[str, str], Converted]:
    [archive] = _single_file(part, benchmark)
    return {}, read_evo_dms(archive, benchmark, counts)


def _proteingym(part: Part, benchmark: Benchmark, counts: Counts) -> tuple[dict[str, str], Converted]:
    if benchmark.path.endswith(".zip"):
        [archive] = _single_file(part, benchmark)
        return {}, read_proteingym(archive, benchmark, counts)
    folder = benchmark.path.rstrip("/")
    sheet = Wanted(f"{folder}/{REFERENCE}", REFERENCE, "benchmark")
    [reference] = part.fetch(benchmark.server, [sheet], _version(benchmark))
    names = assay_files(reference, benchmark.assays)
    part.fetch(benchmark.server, [Wanted(f"{folder}/{n}", n, "benchmark") for n in names], _version(benchmark))
    return {}, read_proteingym(part.folder, benchmark, counts)


def _table(part: Part, benchmark: Benchmark, counts: Counts) -> tuple[dict[str, str], Converted]:
    [path] = _single_file(part, benchmark)
    return {}, read_benchmark_table(path, benchmark, counts)


def _single_file(part: Part, benchmark: Benchmark) -> list[Path]:
    name = benchmark.path.partition("?")[0].rpartition("/")[2]
    return part.fetch(benchmark.server, [Wanted(benchmark.path, name, "benchmark")], _version(benchmark))


def _version(benchmark: Benchmark) -> str:
    """Single files have no branches: their checksum is their version unless the config names one."""
    return "as fetched" if benchmark.version == "main" else benchmark.version


_FORMATS = {"lucaone": _lucaone, "evo_dms": _evo_dms, "proteingym": _proteingym, "table": _table}
