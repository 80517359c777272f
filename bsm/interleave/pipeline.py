"""The graph's pipeline: pieces of documents in parallel, then one merge with thinning of copies.

datatrove is the shell at piece level (executor, completion marks, stats); inside a piece whole batches are
scanned, because handing documents over one by one costs 7-9 times the scan. Its executor starts in 0.3 s, so it is used
at every size. A piece's result depends on the piece alone, hence the output not on the number of workers.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import shutil
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pyarrow as pa
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from loguru import logger

from bsm.base import sequence_prefilter
from bsm.base.config.data import InterleaveSettings
from bsm.base.errors import InputError
from bsm.base.files import file_hash
from bsm.base.progress import Progress
from bsm.base.tables import FOUND, TableWriter
from bsm.interleave.detect import find_sequences
from bsm.interleave.documents import Piece, read_piece

logger.disable("datatrove")  # here, so that worker processes, which import this module, are quiet too
PIECE_FOUND = pa.schema([*FOUND, pa.field("url", pa.string()), pa.field("dump", pa.string())])
"""Result of one piece; metadata ``n_documents`` counts the documents read."""


def scan_documents(table: pa.Table, settings: InterleaveSettings) -> list[dict[str, Any]]:
    """Rows of PIECE_FOUND for a table of DOCUMENTS, in order."""
    texts = table["text"].combine_chunks()
    passed = sequence_prefilter.may_hold_sequences(texts)
    if settings.three_letter == "read":  # names of amino acids are no anchor
        passed[:] = True
    rows: list[dict[str, Any]] = []
    for document in table.filter(pa.array(passed)).to_pylist():
        for hit in find_sequences(document["text"], settings):
            rows.append(
                {"document_id": document["id"], "start": hit.start, "end": hit.end, "modality": str(hit.modality),
                 "sequence": hit.sequence, "url": document["url"], "dump": document["dump"]}
            )  # fmt: skip
    return rows


class FindSequences(PipelineStep):  # type: ignore[misc]
    """datatrove step: rank *i* of as many tasks as pieces reads piece *i* and writes its result."""

    type = "bsm"
    name = "find sequences"

    def __init__(self, pieces: Sequence[Piece], folder: str, settings: InterleaveSettings) -> None:
        super().__init__()
        self.pieces, self.folder, self.settings = list(pieces), folder, settings

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> Any:
        """Scan the piece of this rank and write what was found in it; passes nothing on."""
        n_documents = 0
        rows: list[dict[str, Any]] = []
        with self.track_time():
            for table in read_piece(self.pieces[rank]):
                n_documents += table.num_rows
                rows += scan_documents(table, self.settings)
        self.stat_update("documents", value=n_documents)
        self.stat_update("sequences", value=len(rows))
        with TableWriter(piece_path(self.folder, rank), PIECE_FOUND, {"n_documents": str(n_documents)}) as writer:
            for row in rows:
                writer.add(row)
        yield from ()


class Executor(LocalPipelineExecutor):  # type: ignore[misc]
    """The local executor; with several workers it ends with an error where one was killed.

    datatrove's own pool replaces a killed worker and waits forever for the piece that it had.
    """

    def run(self) -> None:
        """Scan every piece without a completion mark. Raises what a piece raised, InputError for a killed worker."""
        if self.workers == 1:
            super().run()
            return
        pool = ProcessPoolExecutor(self.workers, multiprocessing.get_context(self.start_method))
        try:
            ranks = self.get_incomplete_ranks(range(self.tasks))
            for result in [pool.submit(self._run_for_rank, rank) for rank in ranks]:
                result.result()
        except BrokenProcessPool as error:
            raise InputError("a worker was killed, perhaps for lack of memory", where="bsm interleave",
                             way_out="Start again with fewer workers; finished pieces are kept") from error  # fmt: skip
        finally:
            pool.shutdown(cancel_futures=True)


def run_pieces(pieces: Sequence[Piece], state: Path, settings: InterleaveSettings, n_workers: int) -> Path:
    """Scan all pieces that have no finished result in ``state`` yet; returns the folder of the results.

    Results live under a fingerprint of input, settings and detector, so a state of another run is never mixed in.
    """
    folder = state / fingerprint(pieces, settings)
    folder.mkdir(parents=True, exist_ok=True)
    executor = Executor(
        pipeline=[FindSequences(pieces, str(folder), settings)], tasks=len(pieces),
        workers=min(n_workers, len(pieces)), logging_dir=str(folder / "datatrove"), skip_completed=True,
    )  # fmt: skip
    with _watched(folder, len(pieces)):
        executor.run()
    return folder


@contextlib.contextmanager
def _watched(folder: Path, n_pieces: int) -> Iterator[None]:
    """Progress while the executor holds this thread: finished pieces are counted once a second."""
    done = threading.Event()
    with Progress("interleave", n_pieces, "pieces") as progress:

        def count() -> None:
            while not done.wait(1.0):
                progress.advance(len(list(folder.glob("*.parquet"))) - progress.done)

        watcher = threading.Thread(target=count, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()
            progress.advance(len(list(folder.glob("*.parquet"))) - progress.done)


def forget(folder: Path) -> None:
    """Remove the results of a finished run, and the state folder if nothing else is in it."""
    shutil.rmtree(folder)
    if not any(folder.parent.iterdir()):
        folder.parent.rmdir()


def piece_path(folder: str | Path, index: int) -> Path:
    return Path(folder) / f"{index:06d}.parquet"


def fingerprint(pieces: Sequence[Piece], settings: InterleaveSettings) -> str:
    """Hash of what the results depend on: files (size and time), pieces, settings, the code of the detector."""
    stats = {p.path: Path(p.path).stat() for p in pieces}
    files = {path: (stat.st_size, stat.st_mtime_ns) for path, stat in stats.items()}
    modules = [*sorted(Path(__file__).parent.glob("*.py")), Path(sequence_prefilter.__file__)]
    code = [file_hash(path) for path in modules]
    facts = [sorted(files.items()), [(p.path, p.groups) for p in pieces], settings.model_dump(), code]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
