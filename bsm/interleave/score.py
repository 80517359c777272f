"""Is it a sequence, and of what: letter statistics with a named reason for every refusal (docs/interleave.md)."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from bsm.base.alphabet import Modality, normalise
from bsm.base.config.data import InterleaveSettings
from bsm.interleave.candidates import Candidate, acgtu_share
from bsm.interleave.english import protein_evidence

PRIMER_LENGTH = 40
"""Nucleotide words shorter than this that stand alone are primers."""
_IUPAC = frozenset("ACGTUNRYSWKMBDHV")
_DSSP = frozenset("HBEGITSCL")
_MIN_NUCLEOTIDE_SHARE = 0.75
_MAX_BASE_SHARE = 0.8
_MIN_AMINO_ACID_KINDS = 6
_DECLARING_LAYOUTS = frozenset({"fasta", "alignment"})
_MIN_BITS_WORD, _MIN_BITS_BLOCK = 7.0, 0.0
"""Evidence for protein against English that a word must show, and letters in a layout made for sequences.
Measured: 1-3 % of real proteins of 15 letters fall below 7 bits, 0.5 % of 20, none of 30; of English run together,
0.1 % of 15 letters reach 6 bits."""
_MAX_PROTEIN_BITS = 5.0
"""Bits per letter under the composition of proteins (4.2 in real ones, 99.9 % below 4.8)."""
_MAX_PERIOD, _TOY_SHARE, _TOY_RUN = 12, 0.9, 2.5
"""A toy: a period of at most 12 that explains this share of the letters, or runs of this mean length."""
_RNA_RECORD = re.compile(
    r"\b[NX][MR]_\d{6,}"
    r"|(?:\b|_)(?:pre-|pri-|pre-mi|pri-mi|[a-z]{1,5})?RNA\b(?!\s+(?:genes?|polymerase|ligase|helicase|binding|editing|virus)|-)"
    r"|(?<![\w=])transcript\b(?![\w=])"
)
_RNA_LABEL = re.compile(
    r"RNAs?(?: +(?:sequence|seq|molecule))? *(?:(?:[:=]|\bis\b)\s*)?[\"'`(“‘]*(?:5['’′]?\s*-?\s*)?\Z"
)


class Verdict(NamedTuple):
    """Either a modality and internal letters, or the reason of refusal."""

    modality: Modality | None
    sequence: str
    reason: str


def judge(letters: str, candidate: Candidate, settings: InterleaveSettings) -> Verdict:
    """Decide about the letters of a candidate."""
    if candidate.refused:
        return Verdict(None, "", candidate.refused)
    is_nucleotide = acgtu_share(letters) >= _MIN_NUCLEOTIDE_SHARE
    if candidate.touches_stop and not is_nucleotide:
        return Verdict(None, "", "stop_inside")
    reason = (_refuse_nucleotides if is_nucleotide else _refuse_protein)(letters.upper(), letters, candidate, settings)
    if reason:
        return Verdict(None, "", reason)
    modality = _nucleotide_modality(letters, candidate) if is_nucleotide else Modality.PROTEIN
    return Verdict(modality, normalise(letters, modality)[0], "")


def _refuse_nucleotides(upper: str, letters: str, candidate: Candidate, settings: InterleaveSettings) -> str:
    if len(upper) < settings.min_nucleotides:
        return "too_short"
    if not _IUPAC.issuperset(upper):
        return "not_iupac"
    if "T" in upper and "U" in upper:
        return "t_and_u"
    counts = [upper.count("A"), upper.count("C"), upper.count("G"), upper.count("T") + upper.count("U")]
    if sum(n > 0 for n in counts) < 3 or max(counts) > _MAX_BASE_SHARE * len(upper):
        return "composition"
    if candidate.layout == "codons" and _is_codon_table(upper):
        return "codon_table"
    if settings.toy_sequences == "drop" and is_toy(upper):
        return "toy"
    if not settings.take_primers and candidate.layout == "word" and len(upper) < PRIMER_LENGTH:
        return "primer"
    return ""


def _refuse_protein(upper: str, letters: str, candidate: Candidate, settings: InterleaveSettings) -> str:
    if not letters.isupper():
        return "too_few_acgtu"
    if len(upper) < settings.min_amino_acids:
        return "too_short"
    if sum(upper.count(c) for c in "ACGTUN") >= 0.9 * len(upper):
        return "too_few_acgtu"
    if is_listing(upper):
        return "alphabet_listing"
    if settings.toy_sequences == "drop" and is_toy(upper):
        return "toy"
    if _DSSP.issuperset(upper) and _mean_run(upper) >= 1.8:
        return "secondary_structure"
    if len(set(upper)) < _MIN_AMINO_ACID_KINDS:
        return "composition"
    bits, protein_bits = protein_evidence(upper)
    if bits < (_MIN_BITS_BLOCK if candidate.layout in _DECLARING_LAYOUTS else _MIN_BITS_WORD):
        return "english"
    return "unlike_protein" if protein_bits > _MAX_PROTEIN_BITS else ""


def is_toy(upper: str) -> bool:
    """Low complexity: a short period explains 90 % of the letters, or letters stand in runs."""
    if _mean_run(upper) >= _TOY_RUN:
        return True
    letters = np.frombuffer(upper.encode(), dtype=np.uint8)
    for period in range(1, min(_MAX_PERIOD, len(upper) // 2) + 1):
        if np.count_nonzero(letters[period:] == letters[:-period]) >= _TOY_SHARE * (len(letters) - period):
            return True
    return False


def is_listing(upper: str) -> bool:
    """The alphabet itself: every letter once (in any order), or letters in alphabetical order."""
    if len(set(upper)) == len(upper):
        return True
    rising = sum(a <= b for a, b in pairwise(upper))
    return len(set(upper)) >= 10 and rising >= 0.95 * (len(upper) - 1)


def _mean_run(upper: str) -> float:
    letters = np.frombuffer(upper.encode(), dtype=np.uint8)
    return len(upper) / (1 + int(np.count_nonzero(letters[1:] != letters[:-1])))


def _is_codon_table(upper: str) -> bool:
    """Neighbouring codons that differ in exactly one letter, as the cells of a table do; chance gives 14 %."""
    codons = [upper[i : i + 3] for i in range(0, len(upper) - 2, 3)]
    steps = [sum(a != b for a, b in zip(x, y, strict=True)) == 1 for x, y in pairwise(codons)]
    return sum(steps) > 0.5 * len(steps)


def _nucleotide_modality(letters: str, candidate: Candidate) -> Modality:
    upper = letters.upper()
    if "U" in upper:
        return Modality.RNA
    in_record = candidate.layout in ("fasta", "fastq", "numbered", "codons") and candidate.label[:1] in ">@L"
    label = _RNA_RECORD if in_record else _RNA_LABEL
    return Modality.RNA if label.search(candidate.label) else Modality.DNA
