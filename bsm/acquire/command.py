"""``bsm acquire``: fetch one part of a source, or a benchmark; or list what would be fetched."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bsm.acquire.benchmarks.convert import acquire_benchmark
from bsm.acquire.colabfold import acquire_colabfold
from bsm.acquire.fetch import Fetcher
from bsm.acquire.hub import acquire_fineweb_edu
from bsm.acquire.local import acquire_local
from bsm.acquire.lock import LockFragment, lock_path
from bsm.acquire.ncbi_gene import acquire_ncbi_gene
from bsm.acquire.ncbi_genomes import acquire_genome
from bsm.acquire.ncbi_release import acquire_refseq_release
from bsm.acquire.part import Part
from bsm.acquire.plan import print_plan
from bsm.acquire.registry import FILES
from bsm.acquire.uniprot import acquire_uniprot
from bsm.base.config.arguments import (
    add_config_arguments,
    benchmark_of,
    config_of,
    servers_of,
    settings_of,
    source_of,
)
from bsm.base.config.data import SHIPPED_CONTACT, AcquireSettings
from bsm.base.config.sources import Benchmark, RefseqGenomes, Server
from bsm.base.errors import ConfigError

_KINDS: Mapping[str, Callable[[Part, Any], None]] = {
    "refseq_release": acquire_refseq_release, "uniprot": acquire_uniprot, "colabfold": acquire_colabfold,
    "ncbi_gene": acquire_ncbi_gene, "fineweb_edu": acquire_fineweb_edu, "local_fasta": acquire_local,
    "local_genome": acquire_local, "local_text": acquire_local,
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command; one of --source, --benchmark and --list."""
    add_config_arguments(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--source", metavar="JSON|NAME", help="source to fetch, as JSON or by its name in the config")
    what.add_argument("--benchmark", metavar="JSON|NAME", help="benchmark to fetch and convert")
    what.add_argument("--list", action="store_true", help="print what would be fetched, offline")
    parser.add_argument("--only", metavar="NAME", help="with --list: this source or benchmark alone")
    parser.add_argument("--part", default="all", help="part of the source (a species of refseq_genomes)")
    parser.add_argument("--servers", metavar="JSON", help="list of servers, instead of the config's")
    parser.add_argument("--lock", metavar="FILE", help="lock file; default: acquire.lock_file for remote servers")
    parser.add_argument("--update-lock", action="store_true", help="resolve anew and write the lock again")
    parser.add_argument("--out", type=Path, help="folder for a source's files, or items.parquet of a benchmark")
    parser.add_argument("--raw", type=Path, help="folder for a benchmark's files")
    parser.add_argument("--counts", type=Path, help="counts.csv of a benchmark")


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    if args.list:
        print_plan(config_of(args), args.only)
    elif args.source:
        _acquire_source(args)
    else:
        _acquire_benchmark(args)


def _acquire_source(args: argparse.Namespace) -> None:
    source = source_of(args)
    _require(args, "out")
    if args.part not in source.parts:
        raise ConfigError("no such part", where=f"--part of {source.name}", value=args.part,
                          way_out=f"Allowed: {', '.join(source.parts)}")  # fmt: skip
    if isinstance(source, RefseqGenomes):
        species = next(s for s in source.species if s.part == args.part)
        request = {"kind": source.kind, "species": species.model_dump(), "frozen_date": str(source.frozen_date or "")}
        acquire_genome(_part(args, args.out, source, args.part, request), source, species)
    else:
        request = source.model_dump(mode="json", exclude={"name", "licence", "group", "all_documents"})
        _KINDS[source.kind](_part(args, args.out, source, args.part, request), source)


def _acquire_benchmark(args: argparse.Namespace) -> None:
    benchmark = benchmark_of(args)
    _require(args, "raw", "out", "counts")
    request = benchmark.model_dump(
        mode="json", include={"task", "format", "server", "path", "files", "version", "assays"}
    )
    part = _part(args, args.raw, benchmark, "benchmark", request)
    acquire_benchmark(part, benchmark, args.out, args.counts)


def _part(args: argparse.Namespace, folder: Path, entry: Any, part: str, request: Mapping[str, Any]) -> Part:
    settings = settings_of(args, "acquire", AcquireSettings)
    servers = [] if getattr(entry, "kind", "").startswith("local_") else servers_of(args)
    if settings.contact == SHIPPED_CONTACT and any(s.address.startswith("http") for s in servers):
        raise ConfigError("still the address that the config was shipped with", where="acquire.contact",
                          value=settings.contact, way_out="Set your own: publishers ask whom to write to")  # fmt: skip
    lock_file = args.lock if args.lock is not None else _default_lock(settings, servers, entry)
    path = lock_path(lock_file, entry.name, part) if lock_file else None
    lock = LockFragment(path, request, update=args.update_lock)
    return Part(Fetcher(servers, settings), folder, entry.licence, lock)


def _default_lock(settings: AcquireSettings, servers: list[Server], entry: Any) -> str:
    """Mirrors in folders are a person's own (or the graph's) and may change; only remote servers are locked."""
    used = {file.server for file in FILES.values() if file.kind == getattr(entry, "kind", "")}
    if isinstance(entry, Benchmark):
        used.add(entry.server)
    is_remote = any(server.name in used and not server.address.startswith("file:") for server in servers)
    return settings.lock_file if is_remote else ""


def _require(args: argparse.Namespace, *options: str) -> None:
    missing = [f"--{option}" for option in options if getattr(args, option) is None]
    if missing:
        raise ConfigError(f"missing {', '.join(missing)}", way_out="See bsm acquire --help")
