"""``bsm miniature``: write the world, whole or not at all."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from bsm.base.config.arguments import add_config_arguments, settings_of
from bsm.base.config.miniature import MiniatureSettings
from bsm.base.errors import InputError
from bsm.base.files import file_hash, write_json, write_text
from bsm.base.progress import Progress
from bsm.miniature.benchmarks import build_benchmarks, mutation_truth, write_benchmarks
from bsm.miniature.entropies import write_entropies
from bsm.miniature.leaked_genes import with_leaked_genes
from bsm.miniature.leaks import plan_leaks
from bsm.miniature.mirror_colabfold import write_colabfold
from bsm.miniature.mirror_gene import write_gene2accession
from bsm.miniature.mirror_genomes import write_genomes
from bsm.miniature.mirror_release import write_release
from bsm.miniature.mirror_uniprot import write_uniprot
from bsm.miniature.truth import write_truth
from bsm.miniature.web import write_web
from bsm.miniature.world import build_world

MANIFEST_NAME = "manifest.json"
_MARKER = ".bsm-miniature"
"""Says that a folder was written by this command, so that a later run may replace what is in it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``bsm miniature``."""
    add_config_arguments(parser)
    parser.add_argument("--out", metavar="DIR", help="folder to write (default: the settings' folder)")


def run(args: argparse.Namespace) -> None:
    """Build the world and write it to ``--out``."""
    settings = settings_of(args, "miniature", MiniatureSettings)
    out = Path(args.out or settings.folder)
    write_miniature(settings, out)


def write_miniature(settings: MiniatureSettings, out: Path) -> None:
    """Write mirrors, truth and manifest to ``out``, replacing an earlier world there.

    Everything is written beside ``out`` first. InputError where ``out`` holds something else under the same
    names, or where the world is larger than ``max_bytes``.
    """
    out.mkdir(parents=True, exist_ok=True)
    partial = out / ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        _write_all(settings, partial)
        _check_size(partial, settings.max_bytes)
        _refuse_foreign(partial, out)
        for entry in sorted(partial.iterdir()):
            target = out / entry.name
            if target.is_dir():
                shutil.rmtree(target)
            entry.replace(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_all(settings: MiniatureSettings, out: Path) -> None:
    with Progress("miniature", unit="steps", total=9) as progress:
        world = build_world(settings)
        progress.advance()
        items = build_benchmarks(world)
        planted = plan_leaks(world, items)
        world = with_leaked_genes(world, planted)
        progress.advance()
        write_genomes(world, out)
        write_gene2accession(world, out)
        progress.advance()
        write_release(world, planted, out)
        progress.advance()
        write_uniprot(world, planted, out)
        write_colabfold(world, planted, out)
        progress.advance()
        write_benchmarks(world, items, out)
        progress.advance()
        web_rows = write_web(world, planted, out)
        progress.advance()
        write_truth(world, planted, web_rows, mutation_truth(world), out)
        write_entropies(world, out)
        progress.advance()
        files = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
        write_json(out / MANIFEST_NAME, {"files": {name: file_hash(out / name) for name in files}})
        write_text(out / _MARKER, "written by bsm miniature; a later run replaces the folders beside this file\n")
        progress.advance()


def _check_size(folder: Path, max_bytes: int) -> None:
    n_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if n_bytes > max_bytes:
        raise InputError(
            f"the world would take {n_bytes:,} bytes", where="miniature.max_bytes", value=max_bytes,
            way_out="Ask for fewer genes, proteins or documents, or raise the limit",
        )  # fmt: skip


def _refuse_foreign(partial: Path, out: Path) -> None:
    """Replace only what an earlier run wrote."""
    if (out / _MARKER).exists():
        return
    for entry in sorted(partial.iterdir()):
        target = out / entry.name
        if target.is_file() or (target.is_dir() and any(target.iterdir())):
            raise InputError(
                "holds something that bsm miniature did not write", where=str(target),
                way_out="Give another --out, or move it away",
            )  # fmt: skip
