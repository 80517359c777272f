"""Four columns of a remote Parquet file, read by HTTP ranges; of its documents those that can hold a sequence are kept.

FineWeb-Edu is terabytes. Of each row group only the byte ranges of ``text``, ``id``, ``dump`` and ``url`` are asked for
(one request where they lie side by side, as they do) and decoded. The scan that interleave begins with says which
documents can hold a sequence at all; those are written again with zstd, and the file's metadata tells how many
documents and characters were seen. Why files and not a list of addresses for interleave: only this stage may need a
network, a run must not change when the hub is away, and files.csv can give checksums of what was really read.

A range has no checksum of its publisher: the pinned commit, the listing's size, one validator (ETag) over all ranges
and the decoding of every page stand for it. A kept file carries the sha256 that the listing gives for the whole remote
file and the hash of the scan, so a later run (and one that goes on after a stop) knows which files it has.
"""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bsm.acquire.fetch import Fetched, Fetcher
from bsm.acquire.part import Part, Wanted
from bsm.base.codehash import code_hash
from bsm.base.errors import DownloadError
from bsm.base.files import atomic_path, file_hash
from bsm.base.progress import Progress
from bsm.base.sequence_prefilter import N_CHARACTERS_SEEN, N_DOCUMENTS_SEEN, may_hold_sequences

COLUMNS = ("text", "id", "dump", "url")
_NEEDED = ("text", "id")
_REMOTE = b"remote_file"
_LARGEST_GAP_BYTES = 64 << 10
"""Ranges this close are asked for together: another request costs more than these bytes."""
_TAIL_BYTES = 1 << 20
"""The footer of a file with hundreds of row groups is less."""
_ROW_GROUP_BYTES = 16 << 20
_ALL = "all documents"


def fetch_columns(part: Part, server: str, wanted: list[Wanted], version: str, *, all_documents: bool) -> None:
    """Bring the columns of remote files into the part's folder, as many files at once as permitted, and list them.

    Without ``all_documents`` only documents that pass ``may_hold_sequences`` are kept.
    """
    kept = _ALL if all_documents else code_hash("bsm.base.sequence_prefilter")
    fetcher = part.fetcher
    for one in wanted:
        part.check(server, one)
    with (
        Progress(part.folder.name, unit="bytes") as progress,
        ThreadPoolExecutor(fetcher.server(server).max_parallel) as pool,
    ):
        try:
            fetched = list(pool.map(lambda one: _fetch(part, server, one, kept, progress), wanted))
        except BaseException:
            fetcher.stop()
            raise
    for one, file in zip(wanted, fetched, strict=True):
        part.remember(server, one, one.n_bytes or 0, one.md5, one.sha256)
        part.add(file, one.role, version)


def _fetch(part: Part, server: str, wanted: Wanted, kept: str, progress: Progress) -> Fetched:
    url, target = part.fetcher.url(server, wanted.path), part.folder / wanted.name
    identity = f"{wanted.path} {wanted.sha256} {kept}"  # the path holds the commit
    if _identity(target) != identity:
        for stale in target.parent.glob(f".{target.name}.*.part"):  # of a killed run
            stale.unlink()
        remote = RemoteFile(part.fetcher, server, wanted.path, wanted.n_bytes, progress)
        try:
            _write_columns(remote, target, identity, all_documents=kept == _ALL)
        except pa.ArrowException as error:
            raise DownloadError(
                f"not a readable Parquet file: {error}", where=url,
                way_out="Run again; if it stays so, the publisher's file is damaged",
            ) from error  # fmt: skip
    return Fetched(target, url, target.stat().st_size, "", file_hash(target))


def _identity(path: Path) -> str:
    """Which remote file a kept file was made from; empty where there is none."""
    try:
        return (pq.read_schema(path).metadata or {}).get(_REMOTE, b"").decode()
    except (OSError, pa.ArrowException):
        return ""


def _write_columns(remote: RemoteFile, target: Path, identity: str, *, all_documents: bool) -> None:
    source = pq.ParquetFile(pa.PythonFile(remote, mode="r"), pre_buffer=False)
    names = source.schema_arrow.names
    if missing := [name for name in _NEEDED if name not in names]:
        raise DownloadError(f"no column {', '.join(missing)}", where=remote.url, value=names,
                            way_out="The data set's layout changed; pin an older commit")  # fmt: skip
    columns = [name for name in COLUMNS if name in names]
    schema = pa.schema([source.schema_arrow.field(name) for name in columns], {_REMOTE: identity.encode()})
    seen = {N_DOCUMENTS_SEEN: 0, N_CHARACTERS_SEEN: 0}
    waiting = [schema.empty_table()]  # a file of which nothing is kept has one empty row group
    with (
        atomic_path(target) as partial,
        pq.ParquetWriter(partial, schema, compression="zstd", write_statistics=False) as writer,
    ):
        for index in range(source.metadata.num_row_groups):
            remote.hold(_ranges(source.metadata.row_group(index), columns))
            table = source.read_row_group(index, columns=columns, use_threads=False).select(columns)
            seen[N_DOCUMENTS_SEEN] += table.num_rows
            seen[N_CHARACTERS_SEEN] += pc.sum(pc.utf8_length(table["text"])).as_py() or 0
            waiting.append(table if all_documents else _with_candidates(table))
            if sum(held.nbytes for held in waiting) >= _ROW_GROUP_BYTES:
                _write_group(writer, waiting)
                waiting = []
        if waiting:
            _write_group(writer, waiting)
        writer.add_key_value_metadata({name: str(number) for name, number in seen.items()})


def _with_candidates(table: pa.Table) -> pa.Table:
    return table.filter(pa.array(may_hold_sequences(table["text"].combine_chunks())))


def _write_group(writer: pq.ParquetWriter, tables: list[pa.Table]) -> None:
    group = pa.concat_tables([table.replace_schema_metadata(writer.schema.metadata) for table in tables])
    writer.write_table(group, row_group_size=max(1, group.num_rows))


def _ranges(group: pq.RowGroupMetaData, columns: list[str]) -> list[tuple[int, int]]:
    """Byte ranges of the columns in a row group, neighbours joined."""
    found = []
    for index in range(group.num_columns):
        column = group.column(index)
        if column.path_in_schema in columns:
            start = min(filter(None, (column.dictionary_page_offset, column.data_page_offset)))
            found.append((start, start + column.total_compressed_size))
    joined: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if joined and start - joined[-1][1] <= _LARGEST_GAP_BYTES:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


class RemoteFile(io.RawIOBase):
    """A remote file that is read by ranges: those held, and whatever else is asked for."""

    def __init__(
        self, fetcher: Fetcher, server: str, path: str, n_bytes: int | None, progress: Progress | None = None
    ) -> None:
        super().__init__()
        self._fetcher, self._server, self._path, self._progress = fetcher, server, path, progress
        self.url = fetcher.url(server, path)
        n_bytes = fetcher.size(server, path) if n_bytes is None else n_bytes
        if n_bytes is None:
            raise DownloadError("the server does not state the size", where=self.url, way_out="Use another mirror")
        self._n_bytes, self._at, self._validator = n_bytes, 0, ""
        self._held: list[tuple[int, bytes]] = []
        self.hold([(max(0, n_bytes - _TAIL_BYTES), n_bytes)])

    def hold(self, ranges: list[tuple[int, int]]) -> None:
        """Fetch these ranges and let go of those held before."""
        self._held = [(start, self._get(start, end)) for start, end in ranges if end > start]

    def _get(self, start: int, end: int) -> bytes:
        data, self._validator = self._fetcher.read_range(
            self._server, self._path, start, end, self._validator, total=self._n_bytes
        )
        if self._progress is not None:
            self._progress.advance(len(data))
        return data

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._n_bytes}[whence]
        return self._at

    def read(self, n_bytes: int = -1) -> bytes:
        end = self._n_bytes if n_bytes < 0 else min(self._n_bytes, self._at + n_bytes)
        start, self._at = self._at, max(self._at, end)
        if end <= start:
            return b""
        for first, data in self._held:
            if first <= start and end <= first + len(data):
                return data[start - first : end - first]
        return self._get(start, end)
