"""NCBI Gene's related sequences: the table's chosen rows and, from a RefSeq release, the records they name.

Release files are fetched one at a time, read once, and removed; what was found in each is kept as a small extract until
the part is finished, so a stopped run goes on with the next file and the disk never holds a whole division. What a
release lacks, and all records outside RefSeq (INSDC), come from gene packages and E-utilities where the config names
those servers (``remainder.py``); what cannot be had is listed in unresolved.csv.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bsm.acquire.gene_table import Needed, choose_genes, parse_slice, slice_name, slice_names, write_subset
from bsm.acquire.gzip_fasta import writing_gzip
from bsm.acquire.ncbi_release import ReleaseFile, release_files, release_number
from bsm.acquire.part import Part, Wanted
from bsm.acquire.registry import path_of
from bsm.acquire.remainder import fetch_remainder
from bsm.acquire.unresolved import write_unresolved
from bsm.base.config.sources import NcbiGene
from bsm.base.fasta import FastaRecord, format_fasta, read_fasta
from bsm.base.files import atomic_path, file_hash, write_json

_OUTPUTS = {
    "genomic": ("genomic.fna.gz", "genomic_fasta"),
    "rna": ("rna.fna.gz", "rna_fasta"),
    "protein": ("protein.faa.gz", "protein_fasta"),
}


def acquire_ncbi_gene(part: Part, source: NcbiGene) -> None:
    """Choose genes, keep their rows, extract their records from the release files of ``divisions``."""
    release = release_number(part.fetcher, source.release, part.lock.resolved.get("release"))
    table = Wanted(path_of("gene2accession"), "gene2accession.gz", "archive")
    [table_path] = part.fetch("ncbi", [table], f"release {release}")
    subset = part.folder / "gene2accession.tsv"
    chosen = choose_genes(table_path, source)
    needed = write_subset(table_path, chosen, subset)
    version, table_url = f"release {release}", part.fetcher.url("ncbi", table.path)
    catalogue_url = part.fetcher.url("ncbi", path_of("release_catalogue", release=release))
    part.add_made(subset, "gene2accession", table_url, version)

    extraction = Extraction(part, needed, file_hash(subset))
    for file in release_files(part.fetcher, release, source.divisions, _OUTPUTS):
        extraction.read(file)
    fetch_remainder(part, extraction, needed)
    for type_, (name, role) in _OUTPUTS.items():
        if extraction.merge(type_, part.folder / name):
            part.add_made(part.folder / name, role, catalogue_url, version)
    unresolved = extraction.unresolved()
    write_unresolved(part.folder / "unresolved.csv", unresolved)
    reasons = Counter(row[-1] for row in unresolved)
    print(f"{source.name}: records that could not be had: {dict(sorted(reasons.items()))}", file=sys.stderr)
    part.add_made(part.folder / "unresolved.csv", "unresolved", table_url, version)
    part.finish({"release": release, "n_genes": len(chosen), "subset_sha256": file_hash(subset)})


class Extraction:
    """Finds the needed records in release files and keeps an extract of each file."""

    def __init__(self, part: Part, needed: Needed, selection: str) -> None:
        self._part, self._needed, self._selection = part, needed, selection
        self._left = {
            "rna": set(needed.rna), "protein": set(needed.protein), "genomic": slice_names(needed.slices),
        }  # fmt: skip
        self._beyond: set[str] = set()
        self._extracts: dict[str, list[Path]] = {type_: [] for type_ in _OUTPUTS}
        self._insdc = set(needed.insdc) | {("genomic", name) for name in slice_names(needed.insdc_slices)}
        self._was_asked: set[str] = set()

    def read(self, file: ReleaseFile) -> None:
        """Fetch and read one release file, or take up the extract of an earlier run; skip it where all is found."""
        if not self._left[file.type]:
            return
        extract, note = self._part.work / f"{file.name}.extract", self._part.work / f"{file.name}.json"
        if not (extract.exists() and self._take_up(file, note)):
            self._make(file, extract, note)
        self.take(file.type, extract)

    def left(self, type_: str) -> list[str]:
        """Names of RefSeq records (slices of genomic ones) that were not found yet."""
        return sorted(self._left[type_] - self._beyond)

    def take(self, type_: str, extract: Path) -> None:
        """Take up an extract; its records are found. Nothing is in an empty one."""
        if extract.stat().st_size:
            self._extracts[type_].append(extract)
            for record in read_fasta(extract):
                self._left[type_].discard(record.name)
                self._insdc.discard((type_, record.name))

    def asked(self, server: str) -> None:
        """Note that a server was asked for what was left, for the reasons in unresolved.csv."""
        self._was_asked.add(server)

    def _take_up(self, file: ReleaseFile, note: Path) -> bool:
        found = json.loads(note.read_text(encoding="utf-8")) if note.exists() else {}
        if found.get("selection") != self._selection or (file.md5 and found.get("md5") != file.md5):
            return False
        self._part.remember("ncbi", file.wanted(""), found["n_bytes"], found["md5"], found["sha256"])
        self._beyond |= set(found["beyond"])
        return True

    def _make(self, file: ReleaseFile, extract: Path, note: Path) -> None:
        download = self._part.work / file.name
        fetched = self._part.fetch_verified("ncbi", file.wanted(""), download)
        seen = set(self._beyond)
        wanted = self._needed.slices if file.type == "genomic" else self._left[file.type]
        with atomic_path(extract) as partial, open(partial, "w", encoding="utf-8") as out:
            for record in read_fasta(download):
                if record.name in wanted:
                    out.writelines(format_fasta([entry]) for entry in self._entries(file.type, record))
        write_json(note, {
            "selection": self._selection, "md5": fetched.md5, "sha256": fetched.sha256, "n_bytes": fetched.n_bytes,
            "beyond": sorted(self._beyond - seen),
        })  # fmt: skip
        download.unlink()

    def _entries(self, type_: str, record: FastaRecord) -> Iterator[tuple[str, str, str]]:
        if type_ != "genomic":
            yield record
            return
        for start, end in sorted(self._needed.slices[record.name]):
            if end > len(record.sequence) or start >= end:
                self._beyond.add(slice_name(record.name, start, end))
            else:
                yield slice_name(record.name, start, end), "", record.sequence[start:end]

    def merge(self, type_: str, out: Path) -> bool:
        """Join the extracts of one type, in the order of the release; a repeated record is taken once."""
        if not self._extracts[type_]:
            out.unlink(missing_ok=True)  # of an earlier choice of genes
            return False
        seen: set[str] = set()
        with writing_gzip(out) as stream:
            for extract in self._extracts[type_]:
                for record in read_fasta(extract):
                    if record.name not in seen:
                        seen.add(record.name)
                        stream.write(format_fasta([record]).encode())
        return True

    def unresolved(self) -> list[tuple[str, str, str, str, str]]:
        """Rows of unresolved.csv."""
        is_asked = "eutils" in self._was_asked
        rows = []
        for kind, name in self._insdc:
            reason = "not_at_ncbi" if is_asked else "insdc_not_in_release"
            if is_asked and kind == "genomic" and (kind, name) in self._needed.insdc:
                reason = "insdc_genomic_without_span"
            rows.append((kind, name, reason))
        rows += [("genomic", name, "beyond_sequence_end") for name in self._beyond]
        for kind, left in self._left.items():
            rows += [(kind, name, "not_at_ncbi" if is_asked else "not_in_release") for name in left - self._beyond]
        return sorted(map(_as_columns, rows))


def _as_columns(row: tuple[str, str, str]) -> tuple[str, str, str, str, str]:
    kind, name, reason = row
    if ":" not in name:
        return kind, name, "", "", reason
    accession, start, end = parse_slice(name)
    return kind, accession, str(start), str(end), reason
