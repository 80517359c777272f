"""Letters as small integers for the search kernels, their scores, and translations in six frames.

Nucleotides: a c g t = 0-3, n = 4. Proteins: the twenty amino acids = 0-19, X (also U and O) = 20, stop = 21.
``SEPARATOR`` stands between sequences that are searched together; nothing extends across it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from bsm.base.alphabet import AMINO_ACIDS, NUCLEOTIDES
from bsm.base.codes import genetic_code

SEPARATOR = 22
N_CODES = 23
_FORBIDDEN = -1_000_000
_STOP = 21
_UNKNOWN_AA = 20
_METHIONINE = AMINO_ACIDS.index("M")
_UNKNOWN_NT = 4


@dataclass(frozen=True)
class Alphabet:
    """What differs between nucleotide and protein search; scores are those of BLASTN (megablast) and BLASTP."""

    table: np.ndarray  # uint8[256]: letter -> code
    base: int  # number of letters that can stand in a seed
    scores: np.ndarray  # int32[N_CODES, N_CODES]
    x_drop: int  # an ungapped extension ends when it falls this far below its best
    min_score: int  # of an ungapped segment; of short queries 45 % of their own score where that is less
    gap_open: int
    gap_extend: int
    max_period: int  # k-mers that repeat with a period up to this are low complexity
    min_searched: int  # letters; shorter items stand everywhere by chance and are not searched
    min_inexact: int  # letters; shorter items are found by exact containment only
    short: int  # letters; shorter items have an index of their own with seeds of short_k letters
    short_k: int
    family_k: int  # seeds at level family
    min_family: int  # letters; shorter items are held to level strict at level family


def _table(letters: str, unknown: int, also: dict[str, int] | None = None) -> np.ndarray:
    table = np.full(256, unknown, dtype=np.uint8)
    for code, letter in enumerate(letters):
        table[ord(letter)] = code
    for letter, code in (also or {}).items():
        table[ord(letter)] = code
    return table


def _nucleotide_scores() -> np.ndarray:
    scores = np.full((N_CODES, N_CODES), -2, dtype=np.int32)
    np.fill_diagonal(scores, 1)
    scores[_UNKNOWN_NT, _UNKNOWN_NT] = 0  # n beside n is the same letter but no evidence
    return _closed(scores)


def _protein_scores() -> np.ndarray:
    from Bio.Align import substitution_matrices

    blosum = substitution_matrices.load("BLOSUM62")
    letters = AMINO_ACIDS + "X*"
    scores = np.full((N_CODES, N_CODES), -4, dtype=np.int32)
    for i, a in enumerate(letters):
        for j, b in enumerate(letters):
            scores[i, j] = int(blosum[a][b])
    return _closed(scores)


def _closed(scores: np.ndarray) -> np.ndarray:
    scores[SEPARATOR, :] = scores[:, SEPARATOR] = _FORBIDDEN
    return scores


@cache
def nucleotides() -> Alphabet:
    """Nucleotide search: +1/-2, gaps 3 + 2 per letter."""
    return Alphabet(
        _table(NUCLEOTIDES[:4], _UNKNOWN_NT), 4, _nucleotide_scores(), x_drop=20, min_score=18,
        gap_open=3, gap_extend=2, max_period=3, min_searched=15, min_inexact=30,
        short=64, short_k=11, family_k=11, min_family=150,
    )  # fmt: skip


@cache
def amino_acids() -> Alphabet:
    """Protein search: BLOSUM62, gaps 11 + 1 per letter."""
    return Alphabet(
        _table(AMINO_ACIDS, _UNKNOWN_AA, {"*": _STOP}), 20, _protein_scores(), x_drop=20, min_score=45,
        gap_open=11, gap_extend=1, max_period=2, min_searched=7, min_inexact=14,
        short=32, short_k=5, family_k=4, min_family=60,
    )  # fmt: skip


def encode(sequence: str, alphabet: Alphabet) -> np.ndarray:
    """Internal letters -> uint8 codes of ``alphabet``."""
    return alphabet.table[np.frombuffer(sequence.encode("ascii"), dtype=np.uint8)]


def reverse_complement(codes: np.ndarray) -> np.ndarray:
    """Reverse complement of nucleotide codes."""
    return _COMPLEMENT[codes[::-1]]


_COMPLEMENT = np.array([3, 2, 1, 0, 4], dtype=np.uint8)


@cache
def _codon_table(table_id: int) -> np.ndarray:
    """uint8[65]: 16 a + 4 b + c of the nucleotide codes -> amino-acid code; 64 (a codon with n) -> X."""
    code, table = genetic_code(table_id), amino_acids().table
    letters = [code[a + b + c] for a in "acgt" for b in "acgt" for c in "acgt"]
    return np.array([*(table[ord(letter)] for letter in letters), _UNKNOWN_AA], dtype=np.uint8)


def translate_frames(codes: np.ndarray, table_id: int) -> list[np.ndarray]:
    """Protein codes of the three forward frames of nucleotide ``codes`` (stop = 21), one array a frame."""
    if codes.size < 3:
        return [np.zeros(0, dtype=np.uint8)] * 3
    wide = codes.astype(np.uint16)
    index = wide[:-2] * 16 + wide[1:-1] * 4 + wide[2:]
    unknown = (codes[:-2] > 3) | (codes[1:-1] > 3) | (codes[2:] > 3)
    index[unknown] = 64
    letters = _codon_table(table_id)[index]
    return [np.ascontiguousarray(letters[frame::3]) for frame in range(3)]


@dataclass(frozen=True)
class OpenFrame:
    """A stretch of translation without a stop; ``start`` and ``end`` are nucleotides of the strand it was read from."""

    strand: int
    frame: int
    start: int
    end: int
    protein: np.ndarray


def open_frames(codes: np.ndarray, table_id: int, min_aa: int) -> list[OpenFrame]:
    """Stretches without stop of at least ``min_aa`` in six frames.

    A stretch that follows a stop begins at its first M where at least ``min_aa`` then remain, because what
    stands between the stop and the start codon is no part of the protein.
    """
    found: list[OpenFrame] = []
    for strand, letters in ((1, codes), (-1, reverse_complement(codes))):
        for frame, protein in enumerate(translate_frames(letters, table_id)):
            stops = np.flatnonzero(protein == _STOP)
            begins, ends = np.concatenate(([0], stops + 1)), np.concatenate((stops, [protein.size]))
            long = ends - begins >= min_aa
            begins, ends = begins[long], ends[long]
            starts = np.append(np.flatnonzero(protein == _METHIONINE), protein.size)
            methionine = starts[np.searchsorted(starts, begins)]
            begins = np.where((begins > 0) & (ends - methionine >= min_aa), methionine, begins)
            for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
                found.append(OpenFrame(strand, frame, frame + 3 * begin, frame + 3 * end, protein[begin:end]))
    return found


def join(sequences: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Sequences one after the other with a SEPARATOR before each and at the end -> (codes, start of each)."""
    lengths = np.array([s.size for s in sequences], dtype=np.int64)
    starts = np.cumsum(lengths + 1) - lengths
    letters = np.full(int(lengths.sum()) + len(sequences) + 1, SEPARATOR, dtype=np.uint8)
    for start, sequence in zip(starts, sequences, strict=True):
        letters[start : start + sequence.size] = sequence
    return letters, starts
