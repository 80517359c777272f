"""What would be fetched: ``bsm acquire --list``, offline, from the register, the config and the lock."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from bsm.acquire.benchmarks.lucaone import folder_of
from bsm.acquire.lock import lock_path, locked_bytes
from bsm.acquire.registry import FILES, FINEWEB_EDU
from bsm.base.config.main import Config
from bsm.base.config.sources import Benchmark, Source

COLUMNS = ("name", "part", "url", "version", "checksum", "n_bytes", "licence")


def print_plan(config: Config) -> None:
    """Tab-separated rows on standard output; ``n_bytes`` is what the lock knows, else ``unknown``."""
    writer = csv.writer(sys.stdout, delimiter="\t", lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(plan(config))


def plan(config: Config) -> Iterator[tuple[str, ...]]:
    """Rows under COLUMNS: one per source, part and registered file family, and one per benchmark."""
    addresses = {server.name: server.address.rstrip("/") for server in config.servers}
    lock_file = config.acquire.lock_file
    for source in config.sources:
        for part in source.parts:
            n_bytes = _locked_bytes(lock_path(lock_file, source.name, part))
            for url, version, checksum in _source_files(source, addresses):
                yield source.name, part, url, version, checksum, n_bytes, source.licence
    for benchmark in config.benchmarks:
        n_bytes = _locked_bytes(lock_path(lock_file, benchmark.name, "benchmark"))
        url, checksum = _benchmark_url(benchmark, addresses)
        yield benchmark.name, "benchmark", url, benchmark.version, checksum, n_bytes, benchmark.licence


def _source_files(source: Source, addresses: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    local = [*getattr(source, "paths", ())] or [
        path for key in ("fasta", "gff", "rna", "protein", "genbank") if (path := getattr(source, key, None))
    ]
    if source.kind.startswith("local_"):
        yield from ((f"file:{path}", "local", "own sha256") for path in local)
        return
    settings = source.model_dump(exclude={"name"})
    fields = {"dataset": FINEWEB_EDU, **{k: v for k, v in settings.items() if isinstance(v, str | int)}}
    for file in FILES.values():
        if file.kind == source.kind or (source.kind == "ncbi_gene" and file.kind == "refseq_release"):
            url = f"{addresses.get(file.server, file.server)}/{file.pattern}"
            yield url.format_map(_KeepUnknown(fields)), file.version, file.checksum


class _KeepUnknown(dict[str, object]):
    """Fields that are known only when a source is resolved stay in braces."""

    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


def _benchmark_url(benchmark: Benchmark, addresses: dict[str, str]) -> tuple[str, str]:
    address = addresses.get(benchmark.server, benchmark.server)
    if benchmark.format == "lucaone":
        file = FILES["hub_file"]
        where = {"dataset": benchmark.path, "path": f"{folder_of(benchmark)}/*"}
        return f"{address}/{file.pattern}".format_map(_KeepUnknown(where)), file.checksum
    return f"{address}/{benchmark.path}", "first use"


def _locked_bytes(path: Path) -> str:
    n_bytes = locked_bytes(path)
    return "unknown" if n_bytes is None else str(n_bytes)
