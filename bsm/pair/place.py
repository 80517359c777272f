"""Blocks: parts of them, and a transcript laid on its gene where that is certain."""

from __future__ import annotations

Block = tuple[int, int]
"""[start, end) on the DNA piece."""

SEED_NT = 20
"""Letters behind a splice junction that must stand exactly once in the rest of the gene."""
_MIN_INTRON_NT = 20
_MAX_OVERHANG_NT = 12
"""How far the letters of an intron may go on agreeing with the next exon by chance."""


def blocks_of_part(blocks: list[Block], start: int, end: int) -> list[Block]:
    """Letters [start, end) of what the blocks hold, as blocks."""
    part, at = [], 0
    for low, high in blocks:
        first, last = max(start - at, 0), min(end - at, high - low)
        if first < last:
            part.append((low + first, low + last))
        at += high - low
    return part


def place_on_genome(rna: str, dna: str) -> list[Block] | None:
    """Exons of ``rna`` on ``dna`` (same strand), or None where they are not certain.

    Every letter must be equal, every intron begin with gt (or gc) and end with ag, and every junction be the only one
    possible: seeds of SEED_NT letters stand once in the rest of the gene. A poly-A tail, a mismatch or an exon
    shorter than a seed gives None: no alignment is better than a wrong one.
    """
    if len(rna) < SEED_NT:
        return _whole(rna, dna)
    start = dna.find(rna[:SEED_NT])
    if start < 0 or dna.find(rna[:SEED_NT], start + 1) >= 0:
        return _whole(rna, dna)
    blocks: list[Block] = []
    at, place = 0, start
    while True:
        n_equal = _common_prefix(rna, at, dna, place)
        if at + n_equal == len(rna):
            return [*blocks, (place, place + n_equal)]
        junction = _junction(rna, at, dna, place, n_equal)
        if junction is None:
            return None
        length, acceptor = junction
        blocks.append((place, place + length))
        at, place = at + length, acceptor


def _whole(rna: str, dna: str) -> list[Block] | None:
    """The RNA as one block, where it stands in the gene exactly once."""
    start = dna.find(rna)
    return [(start, start + len(rna))] if start >= 0 and dna.find(rna, start + 1) < 0 else None


def _common_prefix(rna: str, at: int, dna: str, place: int) -> int:
    """Number of equal letters from rna[at] and dna[place] on."""
    limit = min(len(rna) - at, len(dna) - place)
    low, step = 0, 64
    while low < limit:
        high = min(low + step, limit)
        if rna[at + low : at + high] == dna[place + low : place + high]:
            low, step = high, step * 2
        elif step == 1:
            return low
        else:
            step = max(1, (high - low) // 2)
    return low


def _junction(rna: str, at: int, dna: str, place: int, n_equal: int) -> tuple[int, int] | None:
    """(exon length, start of the next exon) of the only possible junction, or None."""
    found: set[tuple[int, int]] = set()
    for length in range(n_equal, max(0, n_equal - _MAX_OVERHANG_NT), -1):
        donor = place + length
        seed = rna[at + length : at + length + SEED_NT]
        if dna[donor : donor + 2] not in ("gt", "gc") or len(seed) < SEED_NT:
            continue
        acceptor = dna.find(seed, donor + _MIN_INTRON_NT)
        if acceptor < 0 or dna[acceptor - 2 : acceptor] != "ag":
            continue
        if dna.find(seed, acceptor + 1) >= 0:
            return None
        found.add((length, acceptor))
    return found.pop() if len(found) == 1 else None
