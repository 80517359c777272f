"""Laying DNA, RNA and protein of one gene on a common axis, letter by letter.

The axis is the dna piece where dna is wanted, else the rna. A codon stands where its first nucleotide stands.
Alignments come from the ``blocks`` of the corpus; protein on an rna without blocks is found by translation,
and only where it is found exactly once. What cannot be laid exactly is not laid at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bsm.base.alphabet import MODALITY_CODES, Modality
from bsm.base.codes import translate
from bsm.base.errors import InputError

DNA, RNA, PROTEIN = (MODALITY_CODES[m] for m in (Modality.DNA, Modality.RNA, Modality.PROTEIN))


@dataclass(frozen=True)
class GenePiece:
    """One modality of a gene. ``blocks`` is int64[n, 2] on the dna piece, or None."""

    row: int
    letters: str
    blocks: np.ndarray | None
    genetic_code: int = 1


Gene = Mapping[int, GenePiece]
"""The pieces of one gene by modality code."""


@dataclass(frozen=True)
class Axis:
    """Where each letter of each modality stands on an axis of ``length`` positions."""

    length: int
    positions: dict[int, np.ndarray]
    """Modality code -> int64[n_letters], strictly ascending; an amino acid stands at its codon's first nucleotide."""
    coding: np.ndarray | None
    """int64[n_coding_letters]: axis positions in translation order; None where no protein is on the axis."""

    def cost(self) -> np.ndarray:
        """uint8[length]: letters that a window takes up by holding each position."""
        cost = np.zeros(self.length, dtype=np.uint8)
        for positions in self.positions.values():
            cost[positions] += 1
        return cost

    def inside_codon(self) -> np.ndarray:
        """bool[length + 1]: True where a cut before that position would split a codon inside one exon.

        A codon that an intron splits may be cut in the intron; it belongs to the window of its first nucleotide.
        """
        inside = np.zeros(self.length + 1, dtype=np.bool_)
        if self.coding is not None:
            first, second, third = self.coding[: len(self.coding) // 3 * 3].reshape(-1, 3).T
            inside[second[second == first + 1]] = True
            inside[third[third == second + 1]] = True
        return inside

    def core(self) -> tuple[int, int, int]:
        """The part that matters most, and its middle: (start, end, middle) of the coding letters, else of the exons."""
        letters = self.coding if self.coding is not None else self.positions.get(RNA)
        if letters is None or not len(letters):
            return 0, self.length, self.length // 2
        return int(letters.min()), int(letters.max()) + 1, int(letters[len(letters) // 2])


def lay(gene: Gene, wanted: tuple[int, ...]) -> Axis | None:
    """The wanted modalities (two or three codes) on one axis, or None where any of them cannot be laid exactly.

    Raises InputError where blocks contradict the letters they are said to describe.
    """
    return _on_dna(gene, wanted) if DNA in wanted else _on_rna(gene)


def _on_dna(gene: Gene, wanted: tuple[int, ...]) -> Axis | None:
    length = len(gene[DNA].letters)
    positions = {DNA: np.arange(length)}
    coding = None
    if RNA in wanted:
        exons = _expand(gene[RNA], length, len(gene[RNA].letters))
        if exons is None or (np.diff(exons) <= 0).any():
            return None
        positions[RNA] = exons
    if PROTEIN in wanted:
        coding = _coding(gene[PROTEIN], length)
        if coding is None:
            return None
        positions[PROTEIN] = coding[::3]
    return Axis(length, positions, coding)


def _on_rna(gene: Gene) -> Axis | None:
    rna, protein = gene[RNA], gene[PROTEIN]
    coding = _coding_through_exons(gene) if DNA in gene else None
    if coding is None:
        start = locate_coding(rna.letters, protein.letters, protein.genetic_code)
        if start is None:
            return None
        coding = np.arange(start, start + 3 * len(protein.letters))
    length = len(rna.letters)
    return Axis(length, {RNA: np.arange(length), PROTEIN: coding[::3]}, coding)


def _coding_through_exons(gene: Gene) -> np.ndarray | None:
    """Coding letters on the rna, from exons and coding blocks on the dna; None where either is missing or they part."""
    length = len(gene[DNA].letters)
    exons = _expand(gene[RNA], length, len(gene[RNA].letters))
    coding = _coding(gene[PROTEIN], length)
    if exons is None or coding is None or (np.diff(exons) <= 0).any():
        return None
    index = np.searchsorted(exons, coding)
    inside = index < len(exons)
    return index if inside.all() and (exons[index] == coding).all() else None


def _coding(piece: GenePiece, dna_length: int) -> np.ndarray | None:
    """int64 coding letters of the protein on the dna; None without blocks or where codons go backwards."""
    n_aa = len(piece.letters)
    n_letters = None if piece.blocks is None else int((piece.blocks[:, 1] - piece.blocks[:, 0]).sum())
    if n_letters is not None and n_aa not in (n_letters // 3, -(-n_letters // 3)):
        raise _wrong_blocks(piece, f"{n_letters} coding letters for {n_aa} amino acids")
    coding = _expand(piece, dna_length, n_letters)
    if coding is None or (np.diff(coding[::3]) <= 0).any():
        return None
    return coding[: 3 * n_aa]


def _expand(piece: GenePiece, dna_length: int, n_letters: int | None) -> np.ndarray | None:
    """int64 dna position of each letter that the blocks cover, in their order; None without blocks."""
    blocks = piece.blocks
    if blocks is None:
        return None
    starts, lengths = blocks[:, 0], blocks[:, 1] - blocks[:, 0]
    if not len(blocks) or (lengths <= 0).any() or starts.min() < 0 or blocks[:, 1].max() > dna_length:
        raise _wrong_blocks(piece, f"blocks {blocks.ravel().tolist()[:8]} on {dna_length} nt of dna")
    if lengths.sum() != n_letters:
        raise _wrong_blocks(piece, f"blocks of {int(lengths.sum())} letters for {n_letters}")
    shift = np.repeat(starts - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
    return np.arange(lengths.sum()) + shift


def _wrong_blocks(piece: GenePiece, value: str) -> InputError:
    return InputError(
        "blocks do not fit the letters they describe", where=f"piece {piece.letters[:20]}...", value=value,
        way_out="Run bsm pair and bsm clean again; blocks are described in bsm/base/tables.py",
    )  # fmt: skip


def locate_coding(rna: str, protein: str, genetic_code: int) -> int | None:
    """Where in ``rna`` the codons of ``protein`` begin, where exactly one place translates to it; else None.

    The first amino acid is not compared (alternative start codons are read as M); U and O may be stop codons,
    X may be any codon.
    """
    if len(protein) < 2:
        return None
    found = [
        frame + 3 * (index - 1)
        for frame in range(3)
        for index in _find_all(translate(rna[frame:], genetic_code), protein[1:])
        if index > 0
    ]
    return found[0] if len(found) == 1 else None


def _find_all(translation: str, protein: str) -> list[int]:
    """Every index of ``protein`` in ``translation``; its longest plain run is searched first."""
    text = np.frombuffer(translation.encode(), dtype=np.uint8)
    query = np.frombuffer(protein.encode(), dtype=np.uint8)
    anchor = max(protein.translate({ord(c): " " for c in "XUO"}).split(), key=len, default="")
    if not anchor:
        return []
    shift, found, index = protein.index(anchor), [], translation.find(anchor)
    while index >= 0:
        start = index - shift
        if start >= 0 and start + len(query) <= len(text) and _agrees(text[start : start + len(query)], query):
            found.append(start)
        index = translation.find(anchor, index + 1)
    return found


def _agrees(text: np.ndarray, query: np.ndarray) -> bool:
    stop_read_through = (text == ord("*")) & np.isin(query, np.frombuffer(b"UO", dtype=np.uint8))
    return bool(((text == query) | stop_read_through | (query == ord("X"))).all())
