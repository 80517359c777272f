"""Text that a careless detector takes for sequences, and that docs/interleave.md says is none."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable

import numpy as np

from bsm.base.codes import CODONS, genetic_code

_HEADINGS = ("THE HISTORY OF CANALS AND RAILWAYS IN THE NORTHERN PROVINCES", "FREQUENTLY ASKED QUESTIONS",
             "INSTALLATION AND TROUBLESHOOTING", "CHARACTERISTICS AND RECOMMENDATIONS", "INTERNATIONALISATION MATTERS",
             "GENERAL TERMS: THE SOFTWARE IS PROVIDED WITHOUT WARRANTY OF ANY KIND", "ACKNOWLEDGEMENTS")  # fmt: skip
_ACRONYMS = ("NASA", "UNESCO", "FIFA", "SCADA", "WYSIWYG", "CAPTCHA", "LASER", "NATO", "ASCII", "FAQ", "GATT", "SALT",
             "DARPA", "TCAS", "MAGLEV", "PASCAL", "COBOL", "SIMD", "HVAC", "RADAR")  # fmt: skip
_HIDDEN_WORDS = ("GARDEN", "HARVEST", "WINDMILL", "LANTERN", "CALENDAR", "ORCHARD", "MERCHANT")
_FORMULAS = ("C8H10N4O2", "C6H12O6", "CH3CH2OH", "C20H25N3O", "Na2SO4", "CC(=O)OC1=CC=CC=C1C(=O)O", "K4[Fe(CN)6]",
             "CN1C=NC2=C1C(=O)N(C(=O)N2C)C")  # fmt: skip
_PATTERNS = ("^[ACGT]{20,}$", "[ACGTUN]+", "(?:ATG)(?:[ACGT]{3})+?(?:TAA|TAG|TGA)", "N-{P}-[ST]-{P}", "[AG]x(4)GK[ST]",
             "^>(\\S+)\\n([ACDEFGHIKLMNPQRSTVWY]+)$", "NNNNNNNNNNNN", "GAATTC, GGATCC, AAGCTT, CTGCAG")  # fmt: skip
_TOYS = ("GATTACA", "ACGTACGTACGTACGTACGT", "GATTACAGATTACAGATTACA", "ACDEFGHIKLMNPQRSTVWY", "AAAACCCCGGGGTTTT",
         "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "QWERTYUIOP ASDFGHJKL ZXCVBNM", "TTAGGGTTAGGGTTAGGGTTAGGG")  # fmt: skip


def look_alike(rng: np.random.Generator) -> tuple[str, str]:
    """One look-alike: its kind and its text (no blank at either end)."""
    kind = list(KINDS)[int(rng.integers(len(KINDS)))]
    return kind, KINDS[kind](rng)


def _some(choices: tuple[str, ...], n: int, rng: np.random.Generator) -> list[str]:
    return [choices[i] for i in rng.permutation(len(choices))[:n]]


def _headings(rng: np.random.Generator) -> str:
    return "\n".join(_some(_HEADINGS, 3, rng))


def _acronyms(rng: np.random.Generator) -> str:
    return ", ".join(_some(_ACRONYMS, 9, rng))


def _base64(rng: np.random.Generator) -> str:
    text = base64.b64encode(rng.bytes(150)).decode()
    return "\n".join(text[i : i + 76] for i in range(0, len(text), 76))


def _hex_digest(rng: np.random.Generator) -> str:
    digest = rng.bytes(32).hex()
    return digest.upper() if rng.random() < 0.5 else digest


def _uuid(rng: np.random.Generator) -> str:
    return str(uuid.UUID(bytes=rng.bytes(16), version=4))


def _commit(rng: np.random.Generator) -> str:
    return f"commit {rng.bytes(20).hex()}"


def _word_search(rng: np.random.Generator) -> str:
    """A letter grid with words hidden in its rows."""
    rows = []
    for word in _some(_HIDDEN_WORDS, 6, rng):
        letters = [chr(65 + int(i)) for i in rng.integers(26, size=14)]
        at = int(rng.integers(14 - len(word)))
        letters[at : at + len(word)] = word
        rows.append("".join(letters))
    separator = " " if rng.random() < 0.5 else ""
    return "\n".join(separator.join(row) for row in rows)


def _codon_table(rng: np.random.Generator) -> str:
    """The standard code as a table of four columns."""
    code = genetic_code(1)
    cells = [f"{codon.upper()} {code[codon]}" for codon in CODONS]
    return "\n".join("   ".join(cells[i : i + 4]) for i in range(0, 64, 4))


def _quality_string(rng: np.random.Generator) -> str:
    return "I" * int(rng.integers(20, 40)) + "HHHGGFEDDCB@;8" + "#" * int(rng.integers(3, 9))


def _dot_bracket(rng: np.random.Generator) -> str:
    stem, loop = int(rng.integers(6, 12)), int(rng.integers(4, 8))
    return "(" * stem + "." * loop + ")" * stem


KINDS: dict[str, Callable[[np.random.Generator], str]] = {
    "capital_headings": _headings,
    "acronyms": _acronyms,
    "base64": _base64,
    "hex_digest": _hex_digest,
    "uuid": _uuid,
    "git_hash": _commit,
    "chemical_formula": lambda rng: ", ".join(_some(_FORMULAS, 3, rng)),
    "word_search": _word_search,
    "codon_table": _codon_table,
    "pattern": lambda rng: _some(_PATTERNS, 1, rng)[0],
    "quality_string": _quality_string,
    "secondary_structure": _dot_bracket,
    "toy_or_alphabet": lambda rng: _some(_TOYS, 1, rng)[0],
}
"""Kind -> writer."""
