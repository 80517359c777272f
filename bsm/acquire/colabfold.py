"""The ColabFold environmental database: an MMseqs2 sequence database in a tar archive, turned into FASTA.

MMseqs2 database format (MMseqs2 user guide): a data file of entries that end in ``\\n\\0``, an index of
``key<TAB>offset<TAB>length`` lines (length with the two end bytes), a four-byte type. Headers are a second
database under the same keys. The archive is read member by member; only plain files whose names are the ones
wanted are unpacked, under our own names.
"""

from __future__ import annotations

import mmap
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from bsm.acquire.gzip_fasta import writing_gzip
from bsm.acquire.part import Part, Wanted
from bsm.acquire.registry import path_of
from bsm.base.config.sources import Colabfold
from bsm.base.errors import InputError
from bsm.base.fasta import format_fasta
from bsm.base.files import reading
from bsm.base.progress import Progress

_AMINO_ACIDS = 0
_COMPRESSED_FLAG = 1 << 31
_SUFFIXES = ("_seq", "_seq.index", "_seq.dbtype", "_h", "_h.index", "_seq_h", "_seq_h.index")


def acquire_colabfold(part: Part, source: Colabfold) -> None:
    """Fetch the archive, keep it, and write ``colabfold.fasta.gz`` in the order of the index."""
    archive = Wanted(path_of("colabfold_envdb", database=source.database), f"{source.database}.db.tar.gz", "archive")
    [path] = part.fetch("colabfold", [archive], source.database)
    members = unpack(path, f"{source.database}_db", part.work)
    fasta = part.folder / "colabfold.fasta.gz"
    with writing_gzip(fasta) as out, Progress("colabfold.fasta.gz") as progress:
        for record in read_mmseqs(members):
            out.write(format_fasta([record]).encode())
            progress.advance()
    part.add_made(fasta, "protein_fasta", part.fetcher.url("colabfold", archive.path), source.database)
    part.finish({"database": source.database})


def unpack(archive: Path, prefix: str, folder: Path) -> dict[str, Path]:
    """Unpack the sequence and header databases named ``prefix``; returns suffix -> file."""
    members: dict[str, Path] = {}
    with reading(archive) as stream:
        try:
            with tarfile.open(fileobj=stream, mode="r|") as tar:
                for member in tar:
                    name = PurePosixPath(member.name)
                    suffix = name.name.removeprefix(prefix)
                    if name.is_absolute() or ".." in name.parts:
                        raise InputError("archive member leaves the folder", where=str(archive), value=member.name,
                                         way_out="Do not use this archive")  # fmt: skip
                    # Links (MMseqs2 links _seq_h to _h) are left out: only plain files are unpacked.
                    if name.name.startswith(prefix) and suffix in _SUFFIXES and member.isfile():
                        data = tar.extractfile(member)
                        assert data is not None
                        members[suffix] = folder / f"db{suffix}"
                        with open(members[suffix], "wb") as out:
                            shutil.copyfileobj(data, out, 1 << 20)
        except tarfile.TarError as error:
            raise InputError(f"damaged archive: {error}", where=str(archive), way_out="Fetch it again") from error
    missing = [s for s in _SUFFIXES[:5] if s not in members]
    if missing:
        raise InputError(f"no {', '.join(prefix + s for s in missing)} in the archive", where=str(archive),
                         way_out="Use the prebuilt .db.tar.gz form of the database")  # fmt: skip
    return members


def read_mmseqs(members: dict[str, Path]) -> Iterator[tuple[str, str, str]]:
    """Yield (name, description, letters) in the order of the sequence index; both indexes are sorted by key."""
    _check_type(members["_seq.dbtype"])
    header = "_seq_h" if "_seq_h" in members and "_seq_h.index" in members else "_h"
    headers = _entries(members[header], members[f"{header}.index"])
    key, text = next(headers, (-1, b""))
    for sequence_key, letters in _entries(members["_seq"], members["_seq.index"]):
        while key < sequence_key:
            key, text = next(headers, (sequence_key + 1, b""))
        if key != sequence_key:
            raise InputError("sequence without a header", where=str(members["_seq.index"]), value=sequence_key,
                             way_out="The database is incomplete; fetch it again")  # fmt: skip
        name, _, description = text.decode("utf-8", "replace").strip().partition(" ")
        yield name, description, letters.decode("ascii", "replace")


def _check_type(path: Path) -> None:
    type_ = int.from_bytes(path.read_bytes()[:4], "little")
    if type_ & _COMPRESSED_FLAG:
        raise InputError("compressed MMseqs2 database", where=path.name,
                         way_out="Decompress it with `mmseqs decompress`")  # fmt: skip
    if type_ & 0xFFFF != _AMINO_ACIDS:
        raise InputError("not a database of amino acids", where=path.name, value=type_, way_out="Choose another one")


def _entries(data: Path, index: Path) -> Iterator[tuple[int, bytes]]:
    last = -1
    with open(data, "rb") as handle, open(index, "rb") as lines:
        view = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) if data.stat().st_size else b""
        for number, line in enumerate(lines, 1):
            fields = line.split()
            try:
                key, offset, length = map(int, fields)
            except ValueError:
                raise InputError("not a line of key, offset, length", where=f"{index.name}:{number}",
                                 value=line[:60], way_out="Fetch the database again") from None  # fmt: skip
            if key <= last or offset + length > len(view):
                raise InputError("index is not sorted by key or points beyond the data", way_out="Fetch it again",
                                 where=f"{index.name}:{number}", value=line[:60])  # fmt: skip
            last = key
            yield key, view[offset : offset + length].rstrip(b"\n\0")
