"""What would be fetched: ``bsm acquire --list``, offline, from the register, the config and the lock."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from bsm.acquire.benchmarks.lucaone import folder_of
from bsm.acquire.lock import lock_path, read_lock
from bsm.acquire.registry import FILES, FINEWEB_EDU, ExternalFile
from bsm.acquire.uniprot import DATASETS
from bsm.base.config.main import Config
from bsm.base.config.sources import (
    Benchmark,
    Colabfold,
    FinewebEdu,
    NcbiGene,
    RefseqGenomes,
    RefseqRelease,
    Source,
    Uniprot,
)
from bsm.base.errors import ConfigError

_OPTIONAL_SERVERS = ("datasets", "eutils")
COLUMNS = ("name", "part", "url", "version", "checksum", "n_bytes", "licence")
_UNKNOWN_SIZE = "unknown"
_UNKNOWN = re.compile(r"\{\w+\}")


def print_plan(config: Config, only: str | None = None) -> None:
    """Tab-separated rows on standard output; ``n_bytes`` is what the lock knows, else ``unknown``. A summary on
    standard error. ``only`` names one source or benchmark."""
    names = [entry.name for entry in (*config.sources, *config.benchmarks)]
    if only is not None and only not in names:
        raise ConfigError("no such source or benchmark", where="--only", value=only,
                          way_out=f"Known: {', '.join(names)}")  # fmt: skip
    rows = [row for row in plan(config) if only in (None, row[0])]
    writer = csv.writer(sys.stdout, delimiter="\t", lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    known = [int(row[5]) for row in rows if row[5] != _UNKNOWN_SIZE]
    licences = "; ".join(sorted({row[6] for row in rows}))
    print(
        f"{len(rows)} families of files: {sum(known):,} bytes known of {len(known)}, {len(rows) - len(known)} unknown "
        f"until they are resolved; licences: {licences}", file=sys.stderr,
    )  # fmt: skip


def plan(config: Config) -> Iterator[tuple[str, ...]]:
    """Rows under COLUMNS: one per source, part and family of files, and one per benchmark.

    What is known only when a source is resolved stays in braces; ``*`` stands for several files.
    """
    addresses = {server.name: server.address.rstrip("/") for server in config.servers}
    for source in config.sources:
        for part in source.parts:
            lock = read_lock(lock_path(config.acquire.lock_file, source.name, part))
            for server, path, version, checksum in _source_files(source, part):
                if server in _OPTIONAL_SERVERS and server not in addresses:
                    continue
                url = f"{addresses.get(server, server)}/{path}" if server else path
                yield source.name, part, url, _pin(lock) or version, checksum, _n_bytes(lock, path), source.licence
    for entry in config.benchmarks:
        lock = read_lock(lock_path(config.acquire.lock_file, entry.name, "benchmark"))
        for path, checksum in _benchmark_files(entry):
            url = f"{addresses.get(entry.server, entry.server)}/{path}"
            version = _pin(lock) or entry.version
            yield entry.name, "benchmark", url, version, checksum, _n_bytes(lock, path), entry.licence


def _source_files(source: Source, part: str) -> Iterator[tuple[str, str, str, str]]:
    """(server, path, version, checksum) of each family of files; local files have no server."""
    if source.kind.startswith("local_"):
        named = (getattr(source, key, None) for key in ("fasta", "gff", "rna", "protein", "genbank"))
        for path in getattr(source, "paths", None) or filter(None, named):
            yield "", f"file:{path}", "local", "own sha256"
        return
    for file, fields in _families(source):
        version = getattr(source, "release", None) or getattr(source, "commit", None) or file.version
        if isinstance(source, RefseqGenomes):
            species = next(s for s in source.species if s.part == part)
            version = species.accession or f"annotated assembly of {species.name}"
        yield file.server, _filled(file, fields), str(version), file.checksum


def _families(source: Source) -> Iterator[tuple[ExternalFile, dict[str, object]]]:
    if isinstance(source, RefseqRelease | NcbiGene):
        types = source.types if isinstance(source, RefseqRelease) else ["genomic", "rna", "protein"]
        if isinstance(source, NcbiGene):
            yield FILES["gene2accession"], {}
            yield FILES["gene_package"], {}
            yield FILES["efetch"], {}
        for division in source.divisions:
            for type_ in types:
                name = f"{division}.*.{type_}.{'faa' if type_ == 'protein' else 'fna'}.gz"
                yield FILES["release_file"], {"division": division, "name": name}
    elif isinstance(source, Uniprot):
        for dataset in source.datasets:
            registered, name = DATASETS[dataset]
            yield FILES[registered], {"name": name}
    elif isinstance(source, FinewebEdu):
        for folder in source.folders:
            yield FILES["hub_file"], {"dataset": FINEWEB_EDU, "path": f"{folder}/*.parquet", **_known(source.commit)}
    else:
        fields: dict[str, object] = {"database": source.database} if isinstance(source, Colabfold) else {}
        yield from ((file, dict(fields)) for file in FILES.values() if file.kind == source.kind and file.is_payload)


def _known(commit: str | None) -> dict[str, object]:
    return {"commit": commit} if commit else {}


def _filled(file: ExternalFile, fields: dict[str, object]) -> str:
    """The pattern with what is known; the rest stays in braces."""
    return _UNKNOWN.sub(lambda match: str(fields.get(match[0][1:-1], match[0])), file.pattern)


def _benchmark_files(entry: Benchmark) -> Iterator[tuple[str, str]]:
    """(path, checksum) of a benchmark's files."""
    if entry.format == "lucaone":
        file = FILES["hub_file"]
        yield _filled(file, {"dataset": entry.path, "path": f"{folder_of(entry)}/*"}), file.checksum
    elif entry.format == "lucaone_files":
        yield f"{entry.path}/{folder_of(entry)}/*", "first use"
    elif entry.files:
        yield from ((f"{entry.path}/{name}", "first use") for name in entry.files.values())
    else:
        yield entry.path, "first use"


def _pin(lock: dict[str, Any] | None) -> str:
    resolved = lock["resolved"] if lock else {}
    return str(resolved.get("accession") or resolved.get("commit") or resolved.get("release") or "")


def _n_bytes(lock: dict[str, Any] | None, path: str) -> str:
    if lock is None:
        return _UNKNOWN_SIZE
    pattern = _UNKNOWN.sub("*", path.partition("?")[0])
    found = lock["files"].values()
    return str(sum(file["n_bytes"] for file in found if fnmatchcase(file["path"].partition("?")[0], pattern)))
