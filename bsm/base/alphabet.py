"""The letters: one character, one token, one byte.

Nucleotides are lower-case (``acgtn``; U is read as t), amino acids are upper-case, so a sample is an
ordinary string such as ``atggcc<sep>MA`` in which adenine and alanine cannot be confused. Token ids
are 0-63 and are part of every shard and checkpoint: never renumber them, only append.

Modality is always declared by the caller, never guessed from case: the world writes DNA in capitals.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from bsm.base.errors import InputError

VOCABULARY_SIZE = 64
PAD, BOS, EOS, SEP, UNK = range(5)
SPECIAL_TOKENS = ("<pad>", "<bos>", "<eos>", "<sep>", "<unk>")
NUCLEOTIDES = "acgtn"
AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
RARE_AMINO_ACIDS = "XUO"  # unknown, selenocysteine, pyrrolysine
LETTERS = NUCLEOTIDES + AMINO_ACIDS + RARE_AMINO_ACIDS
TOKEN_IDS: dict[str, int] = {
    **{token: index for index, token in enumerate(SPECIAL_TOKENS)},
    **{letter: len(SPECIAL_TOKENS) + index for index, letter in enumerate(LETTERS)},
}
TOKENS: tuple[str, ...] = tuple(TOKEN_IDS)


class Modality(StrEnum):
    """What a sequence is. RNA is written with t, as DNA is, so the letters alone cannot tell."""

    DNA = "dna"
    RNA = "rna"
    PROTEIN = "protein"

    @property
    def is_nucleotide(self) -> bool:
        return self is not Modality.PROTEIN


MODALITY_CODES: dict[Modality, int] = {Modality.DNA: 1, Modality.RNA: 2, Modality.PROTEIN: 3}
"""Codes of ``span_modality`` in shards; 0 marks special tokens."""


def _encoding_table() -> np.ndarray:
    table = np.full(256, UNK, dtype=np.uint8)
    for letter in LETTERS:
        table[ord(letter)] = TOKEN_IDS[letter]
    return table


ENCODE = _encoding_table()
"""uint8[256]: byte of an internal letter -> token id; every other byte -> UNK."""
DECODE = np.frombuffer(
    "".join(t if len(t) == 1 else "?" for t in TOKENS).ljust(VOCABULARY_SIZE, "?").encode(), dtype=np.uint8
)

_NUCLEOTIDE_TABLE = bytes.maketrans(b"ACGTNUacgtnu", b"acgtntacgtnt")
_IUPAC = b"RYSWKMBDHVryswkmbdhv"
_NUCLEOTIDE_POLICY = bytes.maketrans(_IUPAC, b"n" * len(_IUPAC))
_AMBIGUOUS = b"BJZbjz"  # Asx, Xle, Glx
_PROTEIN_TABLE = bytes(range(256)).upper().translate(bytes.maketrans(b"BJZ", b"X" * 3))
_NUCLEOTIDE_LETTERS = NUCLEOTIDES.encode()
_PROTEIN_LETTERS = (AMINO_ACIDS + RARE_AMINO_ACIDS).encode()
_COMPLEMENT = bytes.maketrans(b"acgtn", b"tgcan")


def normalise_nucleotides(raw: str, where: str = "") -> tuple[str, int]:
    """Letters of a foreign nucleotide record -> (internal letters, number of IUPAC codes read as n).

    Any case, U = T. IUPAC ambiguity codes become n and are counted. Anything else raises InputError.
    """
    letters = raw.encode("ascii", "replace").translate(_NUCLEOTIDE_TABLE)
    odd = letters.translate(None, _NUCLEOTIDE_LETTERS)
    if not odd:
        return letters.decode(), 0
    strange = odd.translate(None, _IUPAC)
    if strange:
        raise InputError(
            "letters that are no nucleotides", where=where, value=_sample_of(strange),
            way_out="Declare the record's modality, or repair it; gaps and '*' are not accepted",
        )  # fmt: skip
    return letters.translate(_NUCLEOTIDE_POLICY).decode(), len(odd)


def normalise_protein(raw: str, where: str = "") -> tuple[str, int]:
    """Letters of a foreign protein record -> (internal letters, number of B/J/Z read as X).

    Any case; one final ``*`` is dropped, one inside raises InputError, as does any other character.
    """
    data = raw.encode("ascii", "replace")
    data = data[:-1] if data.endswith(b"*") else data
    letters = data.translate(_PROTEIN_TABLE)
    strange = letters.translate(None, _PROTEIN_LETTERS)
    if strange:
        raise InputError(
            "letters that are no amino acids", where=where, value=_sample_of(strange),
            way_out="A '*' inside means a pseudo gene or a wrong genetic code; drop or repair the record",
        )  # fmt: skip
    n_ambiguous = len(data) - len(data.translate(None, _AMBIGUOUS))
    return letters.decode(), n_ambiguous


def normalise(raw: str, modality: Modality, where: str = "") -> tuple[str, int]:
    """Foreign letters -> (internal letters, number of letters changed by the stated policy)."""
    return normalise_nucleotides(raw, where) if modality.is_nucleotide else normalise_protein(raw, where)


def looks_like_nucleotides(raw: str) -> bool:
    """True where 90 % or more of the letters are ACGTUN: refuse to read such text as protein unless declared."""
    if not raw:
        return False
    upper = raw.upper()
    return sum(upper.count(c) for c in "ACGTUN") >= 0.9 * len(upper)


def reverse_complement(letters: str) -> str:
    """Reverse complement of internal nucleotide letters (``acgtn``)."""
    return letters.encode().translate(_COMPLEMENT)[::-1].decode()


def encode(letters: str) -> np.ndarray:
    """Internal letters (no special tokens) -> uint8 token ids; raises InputError on a foreign letter."""
    ids = ENCODE[np.frombuffer(letters.encode("ascii", "replace"), dtype=np.uint8)]
    if (ids == UNK).any():
        position = int(np.argmax(ids == UNK))
        raise InputError(
            "letter outside the alphabet", where=f"position {position}", value=letters[position],
            way_out="Pass letters through bsm.base.alphabet.normalise first",
        )  # fmt: skip
    return ids


def decode(ids: np.ndarray) -> str:
    """Token ids -> readable text, special tokens spelled out (``<sep>``)."""
    flat = np.asarray(ids)
    if (flat < len(SPECIAL_TOKENS)).any():
        return "".join(TOKENS[int(i)] if i < len(TOKENS) else "<unk>" for i in flat)
    return DECODE[flat].tobytes().decode()


def _sample_of(strange: bytes) -> str:
    return "".join(sorted(set(strange.decode("ascii", "replace"))))
