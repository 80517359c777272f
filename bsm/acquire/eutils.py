"""Records that no bulk file has, by E-utilities efetch (NCBI Bookshelf NBK25499): FASTA by accession.version.

Used only for what a RefSeq release and gene packages leave over: 200 accessions a query, spans of genomic records one
by one (a GenBank accession can be a whole chromosome). Each reply is checked, because errors also come with status 200:
it must start with ``>``, and its records are matched to the accessions asked for; what is missing is asked for once
more, alone, before it counts as not to be had.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence

from bsm.acquire.credentials import eutils_fields
from bsm.acquire.fetch import Fetcher
from bsm.acquire.registry import path_of
from bsm.base.errors import DownloadError
from bsm.base.fasta import FastaRecord

SERVER = "eutils"
RECORDS_PER_QUERY = 200
_DATABASES = {"rna": "nuccore", "genomic": "nuccore", "protein": "protein"}
_ROUNDS = 3
"""A reply that holds an error is asked for this often."""


class Eutils:
    """efetch with the fields, limits and checks that it needs."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher, self._fields = fetcher, eutils_fields(fetcher.contact)

    def records(self, kind: str, accessions: Sequence[str]) -> Iterator[FastaRecord]:
        """Records of these accessions (kind rna or protein) that NCBI has, each once, in the order asked for."""
        for first in range(0, len(accessions), RECORDS_PER_QUERY):
            group = accessions[first : first + RECORDS_PER_QUERY]
            found = self._ask(kind, group)
            for accession in group:
                if accession not in found:
                    found |= self._ask(kind, (accession,), may_be_missing=True)
                if accession in found:
                    yield found[accession]

    def span(self, accession: str, start: int, end: int) -> str | None:
        """Letters [start, end) of a genomic record on its plus strand; None where NCBI has no such record or span."""
        extra = {"seq_start": str(start + 1), "seq_stop": str(end), "strand": "1"}
        text = self._reply({"db": "nuccore", "id": accession, **extra}, may_be_missing=True)
        records = [r for r in _read(text) if _accession(r.name) == accession]
        if not records or len(records[0].sequence) != end - start:
            return None
        return records[0].sequence

    def _ask(self, kind: str, accessions: Iterable[str], *, may_be_missing: bool = False) -> dict[str, FastaRecord]:
        asked = tuple(accessions)
        text = self._reply({"db": _DATABASES[kind], "id": ",".join(asked)}, may_be_missing=may_be_missing)
        found = {_accession(record.name): record for record in _read(text)}
        return {name: record._replace(name=name) for name, record in found.items() if name in asked}

    def _reply(self, query: dict[str, str], *, may_be_missing: bool) -> str:
        """FASTA text; empty where nothing was found and that may be. A reply of another kind is asked for again."""
        path = path_of("efetch")
        text = ""
        for _ in range(_ROUNDS):
            text = self._fetcher.post(SERVER, path, {**query, "rettype": "fasta", "retmode": "text", **self._fields})
            if text.lstrip().startswith(">"):
                return text
            if may_be_missing and _says_missing(text):
                return ""
        if may_be_missing or _says_missing(text):
            return ""
        raise DownloadError("not FASTA although the status was 200", where=self._fetcher.url(SERVER, path),
                            value=text[:120], way_out="Run again later; what was found is kept")  # fmt: skip


def _says_missing(text: str) -> bool:
    """NCBI's ways to say that no record stands under an accession."""
    lowered = text.lower()
    return not text.strip() or "failed to understand id" in lowered or "cannot get record" in lowered or (
        "failed to retrieve sequence" in lowered
    )  # fmt: skip


def _read(text: str) -> Iterator[FastaRecord]:
    header, lines = "", list[str]()
    for line in [*io.StringIO(text), ">"]:
        if line.startswith(">"):
            if header and lines:
                name, _, description = header.partition(" ")
                yield FastaRecord(name, description, "".join(lines))
            header, lines = line[1:].strip(), []
        elif line.strip():
            lines.append(line.strip())


def _accession(name: str) -> str:
    """``gb|BC000001.1|`` and ``BC000001.1:11-99`` -> ``BC000001.1``."""
    parts = [part for part in name.split("|") if part]
    return (parts[1] if len(parts) > 1 else parts[0]).partition(":")[0]
