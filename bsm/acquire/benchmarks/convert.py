"""One benchmark: fetch its files, read its format, check the published counts, write one table."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from bsm.acquire.benchmarks.assays import read_domingo, read_kelsic, read_nisthal, read_rnagym, read_tape
from bsm.acquire.benchmarks.class_fasta import read_class_fasta
from bsm.acquire.benchmarks.evo_dms import read_evo_dms
from bsm.acquire.benchmarks.items import SPLITS, Converted, Reader, n_letters
from bsm.acquire.benchmarks.lucaone import FILES_OF_SPLITS, folder_of, read_lucaone
from bsm.acquire.benchmarks.named import read_index_pairs, read_matrix, read_pairs
from bsm.acquire.benchmarks.proteingym import REFERENCE, assay_files, read_proteingym
from bsm.acquire.benchmarks.published import check_published, classes_of
from bsm.acquire.benchmarks.table import read_benchmark_table
from bsm.acquire.hub import list_folder, resolve_commit
from bsm.acquire.part import Part, Wanted
from bsm.base.benchmarks import TASKS
from bsm.base.config.sources import Benchmark
from bsm.base.counts import Counts
from bsm.base.errors import ConfigError, DownloadError, InputError
from bsm.base.tables import BENCHMARK_ITEMS, write_table


def acquire_benchmark(part: Part, benchmark: Benchmark, items: Path, counts: Path) -> None:
    """Write ``items`` (BENCHMARK_ITEMS) and ``counts``; the raw files stay in the part's folder."""
    tally = Counts("acquire", benchmark.name, "all")
    read = _PUBLISHERS.get(benchmark.format, _from_files)
    resolved, converted = read(part, benchmark, tally)
    for line in classes_of(converted.published):
        print(f"{benchmark.name}: {line}", file=sys.stderr)
    check_published(benchmark, converted.published)
    if not converted.items:
        raise InputError(
            f"no item is left of {converted.published.n_rows.total():,} rows{converted.missing and ': '}"
            f"{converted.missing}", where=f"benchmark {benchmark.name}", way_out="Check its files and assays",
        )  # fmt: skip
    for item in converted.items:
        tally.keep(n_letters(item), reason=item["split"])
    write_table(items, converted.items, BENCHMARK_ITEMS)
    tally.write(counts)
    part.finish({**resolved, "n_published": dict(sorted(converted.published.n_rows.items()))})


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


def _lucaone_files(part: Part, benchmark: Benchmark, counts: Counts) -> tuple[dict[str, str], Converted]:
    """Plain folders cannot be listed: the four files of a task have fixed names."""
    folder = f"{benchmark.path.strip('/')}/{folder_of(benchmark)}".lstrip("/")
    names = list(FILES_OF_SPLITS.values())
    if TASKS[benchmark.task].kind != "regression":
        names.append("label.txt")
    part.fetch(benchmark.server, [Wanted(f"{folder}/{n}", n, "benchmark") for n in names], _version(benchmark))
    return {}, read_lucaone(part.folder, benchmark, counts)


def _proteingym(part: Part, benchmark: Benchmark, counts: Counts) -> tuple[dict[str, str], Converted]:
    if benchmark.path.endswith(".zip"):
        archive = _fetch_files(part, benchmark, ("archive",))["archive"]
        return {}, read_proteingym(archive, benchmark, counts)
    folder = benchmark.path.rstrip("/")
    sheet = Wanted(f"{folder}/{REFERENCE}", REFERENCE, "benchmark")
    [reference] = part.fetch(benchmark.server, [sheet], _version(benchmark))
    names = assay_files(reference, benchmark.assays)
    part.fetch(benchmark.server, [Wanted(f"{folder}/{n}", n, "benchmark") for n in names], _version(benchmark))
    return {}, read_proteingym(part.folder, benchmark, counts)


def _from_files(part: Part, benchmark: Benchmark, counts: Counts) -> tuple[dict[str, str], Converted]:
    needed, optional, reader = _FORMATS[benchmark.format]
    return {}, reader(_fetch_files(part, benchmark, needed, optional), benchmark, counts)


def _fetch_files(
    part: Part, benchmark: Benchmark, needed: Iterable[str], optional: Iterable[str] = ()
) -> dict[str, Path]:
    """Files by role: those of ``files`` below ``path``, or ``path`` itself where the format has one file."""
    needed = tuple(needed)
    listed = benchmark.files or ({needed[0]: ""} if len(needed) == 1 else {})
    missing, unknown = set(needed) - listed.keys(), listed.keys() - {*needed, *optional}
    if missing or unknown or not listed:
        raise ConfigError(
            f"the {benchmark.format} format reads {', '.join([*needed, *(f'{o} (optional)' for o in optional)])}",
            where=f"benchmarks[{benchmark.name}].files", value=sorted(benchmark.files), way_out="Name a file per role",
        )  # fmt: skip
    paths = {role: f"{benchmark.path.rstrip('/')}/{name}" if name else benchmark.path for role, name in listed.items()}
    files = {path: Wanted(path, path.partition("?")[0].rpartition("/")[2], "benchmark") for path in paths.values()}
    if len({file.name for file in files.values()}) < len(files):  # two folders may hold files of one name
        files = {path: replace(file, name=f"{role}/{file.name}") for (role, path), file in
                 zip(paths.items(), (files[p] for p in paths.values()), strict=True)}  # fmt: skip
    fetched = dict(zip(files, part.fetch(benchmark.server, files.values(), _version(benchmark)), strict=True))
    return {role: fetched[path] for role, path in paths.items()}


def _version(benchmark: Benchmark) -> str:
    """Single files have no branches: their checksum is their version unless the config names one."""
    return "as fetched" if benchmark.version == "main" else benchmark.version


_PUBLISHERS: dict[str, Callable[[Part, Benchmark, Counts], tuple[dict[str, str], Converted]]] = {
    "lucaone": _lucaone, "lucaone_files": _lucaone_files, "proteingym": _proteingym,
}  # fmt: skip
"""Formats that know which files to fetch."""
_NAMES = ("dna", "rna", "protein")
_FORMATS: dict[str, tuple[tuple[str, ...], tuple[str, ...], Reader]] = {
    "evo_dms": (("archive",), (), read_evo_dms),
    "table": (("table",), (), read_benchmark_table),
    "tape": (("archive",), (), read_tape),
    "rnagym": (("archive",), (), read_rnagym),
    "domingo": (("table",), (), read_domingo),
    "nisthal": (("table",), (), read_nisthal),
    "kelsic": (("singles",), ("pairs",), read_kelsic),
    "class_fasta": ((), SPLITS, read_class_fasta),
    "pairs": (("pairs",), _NAMES, read_pairs),
    "index_pairs": (("pairs",), (*_NAMES, *(f"{name}_names" for name in _NAMES)), read_index_pairs),
    "matrix": (("matrix",), (*_NAMES, *(f"{name}_names" for name in _NAMES)), read_matrix),
}
"""Roles that a format needs, roles it may have, and its reader; the config names a file for each role."""
