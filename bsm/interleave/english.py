"""Letter statistics of proteins and of English: is a word of capitals a protein?

``PROTEIN_BITS``: composition of UniProtKB/Swiss-Prot (release statistics); rare and unknown letters as stated.
``ENGLISH_BITS``: letter pairs of the texts in CPython 3.11's ``pydoc_data.topics`` (language reference, PSF licence),
311,472 letters, capitals, words run together as in a heading without blanks, half a count added to every
pair. Neither was learned from labelled web documents.
"""

from __future__ import annotations

import math

import numpy as np

from bsm.base.alphabet import AMINO_ACIDS

_SWISS_PROT_PERCENT = {
    "A": 8.25, "R": 5.53, "N": 4.06, "D": 5.46, "C": 1.38, "Q": 3.93, "E": 6.72, "G": 7.07, "H": 2.27, "I": 5.91,
    "L": 9.65, "K": 5.80, "M": 2.41, "F": 3.86, "P": 4.74, "S": 6.65, "T": 5.36, "W": 1.10, "Y": 2.92, "V": 6.86,
}  # fmt: skip
_RARE_BITS = {"X": 6.0, "B": 10.0, "Z": 10.0, "J": 11.0, "U": 11.0, "O": 12.0}
"""Cost of letters that a database shows rarely (unknown, ambiguous, selenocysteine, pyrrolysine)."""

_PAIR_TENTH_BITS = """
95 49 41 56 93 68 65 99 50 99 71 29 42 27 99 57 99 30 31 26 57 63 83 75 62 99
38 87 54 75 22 87 99 99 45 26 99 29 91 89 43 66 99 53 54 80 30 99 99 99 34 99
31 99 54 86 26 79 99 37 45 99 51 33 79 88 27 81 99 51 77 24 45 99 90 99 89 99
37 43 56 53 21 51 86 75 25 99 82 56 64 62 41 67 99 59 39 35 45 74 55 82 68 99
43 61 37 36 52 46 67 80 48 99 91 50 47 34 53 48 64 30 31 36 74 60 63 45 64 99
33 73 60 68 45 49 80 85 25 99 72 54 77 59 21 65 99 43 55 29 36 88 83 76 69 99
36 66 54 67 23 58 60 48 35 99 86 44 58 39 46 58 99 45 40 34 34 77 64 93 99 95
26 86 73 82  9 81 99 92 35 99 99 93 70 86 33 86 99 64 64 51 88 82 91 99 92 99
59 56 43 57 53 44 56 99 87 99 82 48 50 19 29 65 99 59 28 30 99 59 99 81 99 75
58 99 68 87  2 99 82 99 60 75 66 99 99 75 73 99 99 99 66 69 49 99 78 75 99 99
44 75 63 70 11 55 67 97 30 89 99 70 62 62 54 48 99 58 37 43 51 97 54 99 99 99
29 69 66 50 22 53 95 99 33 99 99 32 72 68 35 67 99 75 41 43 40 75 75 99 41 99
26 48 76 81 13 82 99 99 45 99 99 80 50 83 36 30 99 82 55 54 46 95 83 99 84 99
34 61 37 33 36 63 33 78 43 99 96 60 61 66 37 68 99 76 36 24 57 61 71 93 69 99
59 42 51 41 67 38 76 97 61 99 74 54 45 20 59 47 99 25 53 37 44 63 53 96 99 99
28 91 74 65 24 79 99 77 48 99 93 31 86 88 35 41 99 26 64 31 67 99 86 99 51 99
57 69 99 99 73 99 99 99 99 99 99 78 69 78 99 99 99 99 69 99  1 99 78 99 78 99
30 67 57 51 20 64 51 87 30 99 84 71 48 46 37 66 99 48 39 40 56 81 65 89 54 99
35 66 47 58 26 56 76 54 32 99 80 59 61 55 42 48 99 63 33 24 45 82 61 89 63 99
36 69 57 69 28 66 90 20 28 99 99 66 65 73 38 75 99 42 43 42 55 86 65 94 55 99
46 50 50 65 31 86 56 99 43 99 99 32 37 31 83 43 99 35 30 30 99 99 99 99 99 99
13 99 99 99 12 99 99 99 30 99 99 99 73 99 49 99 99 99 75 99 99 99 99 99 99 99
35 86 68 72 36 75 97 22 15 99 91 66 83 55 33 84 99 51 50 61 86 80 74 99 99 97
36 80 22 69 30 64 72 71 32 99 99 80 79 64 57 24 99 72 52 34 95 88 76 55 49 86
38 47 40 53 50 55 80 73 36 99 72 66 59 40 39 28 99 51 34 29 65 58 45 71 84 82
29 67 75 91  7 50 91 91 31 91 91 75 75 91 51 75 91 75 67 67 91 91 75 75 75 91
"""
"""Row: letter A-Z, column: the next letter; -log2 P(next | letter) in tenths of a bit."""


def _protein_bits() -> np.ndarray:
    bits = np.array([_RARE_BITS.get(chr(65 + i), 0.0) for i in range(26)])
    for letter in AMINO_ACIDS:
        bits[ord(letter) - 65] = -math.log2(_SWISS_PROT_PERCENT[letter] / 100)
    return bits


PROTEIN_BITS = _protein_bits()
"""float64[26]: -log2 of a letter's share in proteins."""
ENGLISH_BITS = np.array(_PAIR_TENTH_BITS.split(), dtype=np.float64).reshape(26, 26) / 10
"""float64[26, 26]: -log2 P(next letter | letter) in English."""


def protein_evidence(word: str) -> tuple[float, float]:
    """(bits by which a word of capitals A-Z is likelier as protein than as English, bits per letter as protein)."""
    index = np.frombuffer(word.encode(), dtype=np.uint8) - 65
    as_protein = float(PROTEIN_BITS[index].sum())
    as_english = float(ENGLISH_BITS[index[:-1], index[1:]].sum()) + 4.0
    return as_english - as_protein, as_protein / len(word)
