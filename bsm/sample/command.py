"""``bsm sample``: a single-modal corpus from a source of the config, or from FASTA files by hand."""

from __future__ import annotations

import argparse
from pathlib import Path

from bsm.base.alphabet import Modality
from bsm.base.config.arguments import add_config_arguments, settings_of, source_of
from bsm.base.config.data import SampleSettings
from bsm.base.config.sources import STAGE_OF_KIND, LocalFasta, Source
from bsm.base.counts import Counts
from bsm.base.errors import InputError
from bsm.base.filelist import RawFile, read_file_list
from bsm.sample.corpus import build_corpus
from bsm.sample.records import FastaInput

_ROLES = ("nucleotide_fasta", "protein_fasta")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", metavar="JSON|NAME", help="source of the config, as JSON or by name")
    parser.add_argument("--raw", type=Path, metavar="DIR", help="folder with files.csv, as bsm acquire left it")
    parser.add_argument("--fasta", type=Path, nargs="+", metavar="FILE", help="your own FASTA files, plain or gzip")
    parser.add_argument("--modality", choices=[m.value for m in Modality], help="what the records of --fasta are")
    parser.add_argument("--max-tokens", type=int, metavar="N", help="letters to keep, sampled by hash (default: all)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="corpus (Parquet)")
    parser.add_argument("--counts", type=Path, metavar="FILE", help="records kept and dropped, with reasons (CSV)")
    add_config_arguments(parser)


def run(args: argparse.Namespace) -> None:
    settings = settings_of(args, "sample", SampleSettings)
    if args.fasta:
        inputs, name, max_tokens = _own_inputs(args), "local", args.max_tokens
    else:
        inputs, name, max_tokens = _source_inputs(args)
    if max_tokens is not None and max_tokens < 1:
        raise InputError("not a positive number of letters", where="--max-tokens", value=max_tokens)
    counts = Counts("sample", name, "all")
    build_corpus(inputs, args.out, counts, settings, max_tokens)
    if args.counts:
        counts.write(args.counts)


def _own_inputs(args: argparse.Namespace) -> list[FastaInput]:
    if args.source or args.raw:
        raise InputError("--fasta excludes --source and --raw", where="bsm sample", way_out="Give one or the other")
    if not args.modality:
        raise InputError("--fasta needs --modality", where="bsm sample",
                         way_out="Capitals do not tell DNA from protein: say dna, rna or protein")  # fmt: skip
    modality = Modality(args.modality)
    return [FastaInput(path, modality, declared=False, origin=path.name) for path in args.fasta]


def _source_inputs(args: argparse.Namespace) -> tuple[list[FastaInput], str, int | None]:
    if not args.source or not args.raw:
        raise InputError("give --source and --raw, or --fasta and --modality", where="bsm sample")
    source = source_of(args)
    if STAGE_OF_KIND[source.kind] != "sample":
        raise InputError("not a single-modal source", where=source.name, value=source.kind,
                         way_out=f"bsm {STAGE_OF_KIND[source.kind]} reads it")  # fmt: skip
    files = [f for f in read_file_list(args.raw) if f.role in _ROLES]
    if not files:
        raise InputError("no FASTA file listed", where=str(args.raw), way_out="Run bsm acquire for this source first")
    inputs = [_input(args.raw, file, source) for file in files]
    return inputs, source.name, args.max_tokens or source.max_tokens


def _input(folder: Path, file: RawFile, source: Source) -> FastaInput:
    if isinstance(source, LocalFasta):
        modality: Modality | None = Modality(source.modality)
    else:
        modality = Modality.PROTEIN if file.role == "protein_fasta" else None
    declared = not isinstance(source, LocalFasta)
    return FastaInput(folder / file.path, modality, declared, origin=file.url or file.path,
                      release=file.version or None, licence=file.licence or source.licence)  # fmt: skip
