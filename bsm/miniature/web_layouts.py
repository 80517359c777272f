"""How web pages show a sequence: FASTA, numbered blocks, running text, code, tables, both strands, reads.

A layout turns a sequence into text before, body and text after; the body reaches from the sequence's
first to its last letter. All layouts are ones that docs/interleave.md calls a sequence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bsm.base.alphabet import AMINO_ACIDS, Modality
from bsm.base.randomness import generator

MIN_LETTERS = 20
_FASTA_WIDTHS = (50, 60, 70, 80)
_WRAP_WIDTH = 60
_QUALITIES = "FFFFFFFFFFFF:,#"
_COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


@dataclass(frozen=True)
class Shown:
    """A sequence that a page shows: internal letters, and what the page calls it."""

    name: str
    description: str
    modality: Modality
    letters: str
    is_coding: bool = False


@dataclass(frozen=True)
class Block:
    """Text of one shown sequence; ``body`` starts and ends with a letter of the sequence."""

    layout: str
    before: str
    body: str
    after: str


def showable(modality: Modality, letters: str) -> bool:
    """Whether the letters alone say what they are: long enough, varied, and RNA told from DNA by its u."""
    if len(letters) < MIN_LETTERS:
        return False
    if modality is Modality.PROTEIN:
        acgt = sum(letters.count(c) for c in "ACGTU")
        return set(letters) <= set(AMINO_ACIDS) and len(set(letters)) >= 8 and acgt < 0.5 * len(letters)
    counts = [letters.count(c) for c in "acgt"]
    varied = sum(n > 0 for n in counts) >= 3 and max(counts) < 0.7 * len(letters) and sum(counts) == len(letters)
    return varied and (modality is Modality.DNA or "t" in letters)


def lay_out(shown: Shown, rng: np.random.Generator) -> Block:
    """The sequence in a layout that suits it, drawn uniformly."""
    suited = [name for name, (_, fits) in LAYOUTS.items() if fits(shown)]
    name = suited[int(rng.integers(len(suited)))]
    before, body, after = LAYOUTS[name][0](shown, rng)
    return Block(name, before, body, after)


def published_letters(shown: Shown, rng: np.random.Generator) -> str:
    """Letters as a page writes them: u in RNA, nucleotides in capitals or (one in three) lower case."""
    if shown.modality is Modality.PROTEIN:
        return shown.letters
    letters = shown.letters.replace("t", "u") if shown.modality is Modality.RNA else shown.letters
    return letters if rng.random() < 1 / 3 else letters.upper()


Parts = tuple[str, str, str]


def _fasta(shown: Shown, rng: np.random.Generator) -> Parts:
    width = int(_FASTA_WIDTHS[int(rng.integers(len(_FASTA_WIDTHS)))])
    return f">{shown.name} {shown.description}\n", _lines(published_letters(shown, rng), width), "\n"


def _fasta_mrna(shown: Shown, rng: np.random.Generator) -> Parts:
    """A RefSeq transcript: RNA written with T, which only its accession and the word mRNA tell."""
    number = generator("mrna_accession", shown.letters).integers(10**8, 10**9)
    return f">XM_{number}.1 {shown.description}, mRNA\n", _lines(shown.letters.upper(), 70), "\n"


def _soft_masked(shown: Shown, rng: np.random.Generator) -> Parts:
    """FASTA with a repeat in lower case."""
    start, end = sorted(int(i) for i in rng.integers(0, len(shown.letters), size=2))
    letters = shown.letters.upper()
    return f">{shown.name}\n", _lines(letters[:start] + letters[start:end].lower() + letters[end:], 60), "\n"


def _running_text(shown: Shown, rng: np.random.Generator) -> Parts:
    return f"The full sequence of {shown.name} is ", published_letters(shown, rng), ", as checked twice by hand.\n"


def _quoted(shown: Shown, rng: np.random.Generator) -> Parts:
    return 'sequence = "', published_letters(shown, rng), '"\nprint(len(sequence))\n'


def _table_row(shown: Shown, rng: np.random.Generator) -> Parts:
    before = f"| name | sequence | length |\n|---|---|---|\n| {shown.name} | "
    return before, published_letters(shown, rng), f" | {len(shown.letters)} |\n"


def _html(shown: Shown, rng: np.random.Generator) -> Parts:
    return f"<p>{shown.description}: <code>", published_letters(shown, rng), "</code></p>\n"


def _wrapped(shown: Shown, rng: np.random.Generator) -> Parts:
    return "", _lines(published_letters(shown, rng), _WRAP_WIDTH), "\n"


def _numbered_blocks(shown: Shown, rng: np.random.Generator) -> Parts:
    letters = shown.letters
    if shown.modality is Modality.RNA:
        letters = letters.replace("t", "u")
    rows = [f"{start + 1:>9} {_tens(letters[start : start + 60])}" for start in range(0, len(letters), 60)]
    text = "\n".join(rows)
    return f"ORIGIN\n{text[:10]}", text[10:], "\n//\n"


def _blocks_of_ten(shown: Shown, rng: np.random.Generator) -> Parts:
    letters = published_letters(shown, rng)
    return "", "\n".join(_tens(letters[start : start + 60]) for start in range(0, len(letters), 60)), "\n"


def _five_prime(shown: Shown, rng: np.random.Generator) -> Parts:
    return "5'-", published_letters(shown, rng), "-3'\n"


def _codons(shown: Shown, rng: np.random.Generator) -> Parts:
    letters = published_letters(shown, rng)
    return "", " ".join(letters[i : i + 3] for i in range(0, len(letters), 3)), "\n"


def _both_strands(shown: Shown, rng: np.random.Generator) -> Parts:
    upper = shown.letters.upper()
    return "5'-", upper, f"-3'\n3'-{upper.translate(_COMPLEMENT)}-5'\n"


def _fastq(shown: Shown, rng: np.random.Generator) -> Parts:
    qualities = "".join(_QUALITIES[i] for i in rng.integers(len(_QUALITIES), size=len(shown.letters)))
    return f"@{shown.name}\n", shown.letters.upper(), f"\n+\n{qualities}\n"


def _any(shown: Shown) -> bool:
    return True


def _is_dna(shown: Shown) -> bool:
    return shown.modality is Modality.DNA


def _is_rna(shown: Shown) -> bool:
    return shown.modality is Modality.RNA


def _is_nucleotide(shown: Shown) -> bool:
    return shown.modality.is_nucleotide


def _is_coding(shown: Shown) -> bool:
    return shown.is_coding and len(shown.letters) % 3 == 0


def _is_short_dna(shown: Shown) -> bool:
    return shown.modality is Modality.DNA and len(shown.letters) <= 150


Layout = Callable[[Shown, np.random.Generator], Parts]
LAYOUTS: dict[str, tuple[Layout, Callable[[Shown], bool]]] = {
    "fasta": (_fasta, _any),
    "fasta_mrna": (_fasta_mrna, _is_rna),
    "fasta_soft_masked": (_soft_masked, _is_dna),
    "running_text": (_running_text, _any),
    "quoted": (_quoted, _any),
    "table_row": (_table_row, _any),
    "html": (_html, _any),
    "wrapped_lines": (_wrapped, _any),
    "numbered_blocks": (_numbered_blocks, _any),
    "blocks_of_ten": (_blocks_of_ten, _any),
    "five_prime": (_five_prime, _is_nucleotide),
    "codons": (_codons, _is_coding),
    "both_strands": (_both_strands, _is_short_dna),
    "fastq": (_fastq, _is_short_dna),
}
"""Name -> (writer, which sequences it suits)."""


def _lines(letters: str, width: int) -> str:
    return "\n".join(letters[i : i + width] for i in range(0, len(letters), width))


def _tens(letters: str) -> str:
    return " ".join(letters[i : i + 10] for i in range(0, len(letters), 10))
