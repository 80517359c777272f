"""The command line: ``bsm <stage> ...`` does by hand what the stage's rules do in the graph."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from bsm import __version__
from bsm.base.errors import BsmError

COMMANDS: dict[str, str] = {
    "miniature": "write the known-answer world: mirrors of the publishers' servers, and the truth",
    "acquire": "fetch and verify the files of a source or a benchmark",
    "sample": "single-modal corpora from nucleotide and protein FASTA",
    "pair": "exact DNA, RNA and protein of every gene from genome and annotation",
    "interleave": "find biological sequences in web documents",
    "clean": "remove benchmark items, duplicates; group and split",
    "shard": "samples, windows and tokens, packed into Parquet shards",
    "anneal": "short runs that choose the mix of a round",
    "train": "one round of one arm of one model, resumable at any moment",
    "evaluate": "fine-tuning, few-shot, zero-shot and held-out losses of a checkpoint; baselines",
    "report": "tables, figure and pages for people",
    "config": "show, check or describe the configuration",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. Imports only the stage that is called."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(
        prog="bsm", description="Each command does by hand what the rules of its stage do in the graph."
    )
    parser.add_argument("--version", action="version", version=f"bsm {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, summary in COMMANDS.items():
        sub = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name in arguments[:1]:
            _module(name).add_arguments(sub)
    args = parser.parse_args(arguments)
    try:
        _module(args.command).run(args)
    except BsmError as error:
        print(f"bsm {args.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"bsm {args.command}: interrupted; run the same command again to go on", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 0
    except OSError as error:
        print(f"bsm {args.command}: {error.filename or 'file'}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0


def _module(command: str):  # type: ignore[no-untyped-def]
    name = "bsm.base.config.command" if command == "config" else f"bsm.{command}.command"
    return importlib.import_module(name)


if __name__ == "__main__":
    sys.exit(main())
