"""FASTA records as internal letters: accessions, modality, policies for unknown letters, splitting at runs of n."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bsm.base.alphabet import Modality, looks_like_nucleotides, normalise_nucleotides, normalise_protein
from bsm.base.config.data import SampleSettings
from bsm.base.counts import Counts
from bsm.base.fasta import FastaRecord, read_fasta

_UNIPROT_NAME = re.compile(r"(?:sp|tr)\|([^|]+)\|")
_TAXID = re.compile(r"(?:^|\s)(?:OX|TaxID)=(\d+)(?=\s|$)")
_REFSEQ_RNA = ("NM_", "NR_", "XM_", "XR_")


@dataclass(frozen=True)
class FastaInput:
    """One FASTA file and what is known about it."""

    path: Path
    modality: Modality | None
    """None: a RefSeq release file, RNA or DNA by file name and accession."""
    declared: bool
    """Whether its publisher declares proteins, so that a protein of the letters ACGTN is one."""
    origin: str
    release: str | None = None
    licence: str | None = None


@dataclass(frozen=True)
class Record:
    """One record that passed the filters, as fragments between long runs of n (proteins have one)."""

    accession: str
    modality: Modality
    taxid: int | None
    length: int
    fragments: tuple[tuple[int, str], ...]
    """(start on the record, letters), in order."""
    n_unknown: int
    """Letters read as n or X by policy."""

    @property
    def is_whole(self) -> bool:
        """Whether its one fragment is the entire record."""
        return len(self.fragments) == 1 and len(self.fragments[0][1]) == self.length

    @property
    def n_letters(self) -> int:
        return sum(len(letters) for _, letters in self.fragments)


def read_records(source: FastaInput, settings: SampleSettings, counts: Counts) -> Iterator[Record]:
    """Yield the usable records of one file in file order; the others are counted with their reason.

    Letters add up: those of the fragments and those counted as dropped are the letters of the file (a protein's
    final ``*`` is no letter). Raises InputError for a file that is no FASTA and for letters outside the alphabet.
    """
    for raw in read_fasta(source.path):
        modality = source.modality or refseq_modality(raw.name, source.path.name)
        where = f"{source.path}: {raw.name}"
        read = _nucleotides if modality.is_nucleotide else _protein
        reason = _unusable(raw, modality, source.declared, settings)
        length = len(raw.sequence.removesuffix("*"))
        if reason:
            counts.drop(reason, length)
            continue
        fragments, n_unknown = read(raw.sequence, where, settings, counts)
        if fragments:
            yield Record(
                accession_of(raw.name), modality, taxid_of(raw.description), length, tuple(fragments), n_unknown
            )


def accession_of(name: str) -> str:
    """``sp|P12345|NAME_SPEC`` -> ``P12345``; any other identifier stands for itself."""
    match = _UNIPROT_NAME.match(name)
    return match[1] if match else name


def taxid_of(description: str) -> int | None:
    """NCBI taxid of a UniProt (``OX=``) or UniRef (``TaxID=``) header; None where it states none."""
    match = _TAXID.search(description)
    return int(match[1]) if match else None


def refseq_modality(accession: str, file_name: str) -> Modality:
    """RefSeq transcripts (NM_, NR_, XM_, XR_, or a ``.rna.`` file) are RNA, everything else is DNA."""
    return Modality.RNA if accession.startswith(_REFSEQ_RNA) or ".rna." in file_name else Modality.DNA


def split_at_n(letters: str, max_n_run: int) -> list[tuple[int, str]]:
    """Parts between runs of more than ``max_n_run`` n, with their starts; shorter runs stay inside."""
    parts: list[tuple[int, str]] = []
    start = 0
    for run in re.finditer(f"n{{{max_n_run + 1},}}", letters):
        parts.append((start, letters[start : run.start()]))
        start = run.end()
    parts.append((start, letters[start:]))
    return [(at, part) for at, part in parts if part]


def _unusable(raw: FastaRecord, modality: Modality, declared: bool, settings: SampleSettings) -> str:
    """Reason to leave a record out before its letters are read, or an empty text."""
    if modality.is_nucleotide:
        return "longer_than_max_nucleotide_record_nt" if len(raw.sequence) > settings.max_nucleotide_record_nt else ""
    if "*" in raw.sequence[:-1]:
        return "stop_inside"
    return "" if declared or not looks_like_nucleotides(raw.sequence) else "looks_like_nucleotides"


def _nucleotides(raw: str, where: str, settings: SampleSettings, counts: Counts) -> tuple[list[tuple[int, str]], int]:
    letters, n_unknown = normalise_nucleotides(raw, where)
    if not letters.strip("n"):
        counts.drop("only_n", len(letters))
        return [], n_unknown
    parts = split_at_n(letters, settings.max_n_run_nt)
    fragments = [(start, part) for start, part in parts if len(part) >= settings.min_nucleotide_nt]
    short = [len(part) for _, part in parts if len(part) < settings.min_nucleotide_nt]
    if short:
        counts.drop("shorter_than_min_nucleotide_nt", sum(short), len(short))
    if n_runs := len(letters) - sum(len(part) for _, part in parts):
        counts.drop("run_of_n", n_runs, n_records=0)
    return fragments, n_unknown


def _protein(raw: str, where: str, settings: SampleSettings, counts: Counts) -> tuple[list[tuple[int, str]], int]:
    letters, n_unknown = normalise_protein(raw, where)
    if len(letters) >= settings.min_protein_aa:
        return [(0, letters)], n_unknown
    counts.drop("shorter_than_min_protein_aa", len(letters))
    return [], n_unknown
