"""Published sequences by accession, kept on disk: any number of transcripts or proteins in bounded memory."""

from __future__ import annotations

import mmap
import tempfile
from pathlib import Path
from types import TracebackType

from bsm.base.alphabet import Modality, normalise
from bsm.base.fasta import read_fasta_letters


class SequenceStore:
    """Letters of FASTA files by record name; only names and places are in memory (about 100 bytes a record).

    Where a name stands twice, the first record counts. Letters are normalised when they are asked for, so that one
    odd record does not stop the rest.
    """

    def __init__(self, paths: list[Path], modality: Modality) -> None:
        self.modality = modality
        self._where = ", ".join(map(str, paths))
        self._places: dict[str, tuple[int, int]] = {}
        self._letters: mmap.mmap | bytes = b""
        self._file = tempfile.TemporaryFile(prefix="bsm-pair-")  # noqa: SIM115 (closed by __exit__)
        try:
            self._load(paths)
        except BaseException:
            self._file.close()
            raise

    def _load(self, paths: list[Path]) -> None:
        offset = 0
        for path in paths:
            for record in read_fasta_letters(path):
                self._places.setdefault(accession_of(record.name), (offset, len(record.letters)))
                offset += self._file.write(record.letters)
        self._file.flush()
        if offset:
            self._letters = mmap.mmap(self._file.fileno(), offset, access=mmap.ACCESS_READ)

    def __enter__(self) -> SequenceStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(self._letters, mmap.mmap):
            self._letters.close()
        self._file.close()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def get(self, name: str | None) -> str | None:
        """Internal letters of a record, or None; InputError where its letters cannot be read."""
        raw = self.raw(name) if name else None
        return None if raw is None else normalise(raw.decode(), self.modality, f"{self._where}: {name}")[0]

    def raw(self, name: str) -> bytes | None:
        """Letters of a record as they were published, or None."""
        place = self._places.get(name)
        return None if place is None else self._letters[place[0] : place[0] + place[1]]


def accession_of(name: str) -> str:
    """Accession.version in a FASTA name, also of NCBI's old style ``gi|7525080|ref|NP_051037.1|``."""
    fields = [field for field in name.split("|") if field]
    if len(fields) >= 4 and fields[0] == "gi":
        return fields[3]
    return fields[1] if len(fields) >= 2 and fields[0] in ("ref", "gb", "emb", "dbj", "tpg", "lcl") else name
