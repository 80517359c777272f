"""Samples of genes: any combination of DNA, RNA and protein in shuffled order, whole or in aligned windows.

The combination is a pure function of (seed, record), the order of (seed, record, window).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations, permutations

import numpy as np

from bsm.base.config.data import ShardSettings
from bsm.base.randomness import stable_hash64
from bsm.shard.axis import Axis, Gene, GenePiece, lay
from bsm.shard.batches import Batch
from bsm.shard.samples import N_END_TOKENS, WHOLE, Samples, joined_samples
from bsm.shard.windows import centre_window, tile_cuts

NOT_DRAWN = "modality not in the drawn combination"
NOT_ALIGNED = "modality left out of windows: no exact alignment"
OUTSIDE_CENTRE = "outside the centre window"
LeftOut = Callable[[int, str, int, int], None]
"""Called with (record of the batch, reason, pieces, letters) for everything a sample leaves out."""
_Piece = tuple[int, int, int]  # row, start, length


def gene_samples(batch: Batch, settings: ShardSettings, left_out: LeftOut) -> Samples:
    """The samples of every gene of a batch, in the batch's order."""
    rows, starts, lengths, offsets, records, windows = [], [], [], [0], [], []
    ids = batch.record_ids.to_pylist()
    for index in range(batch.n_records):
        gene = _gene(batch, index)
        for window, pieces in _samples_of(gene, ids[index], index, settings, left_out):
            for piece in pieces:
                rows.append(piece[0])
                starts.append(piece[1])
                lengths.append(piece[2])
            offsets.append(len(rows))
            records.append(index)
            windows.append(window)
    offset, row, start, length, record = (
        np.array(values, dtype=np.int64) for values in (offsets, rows, starts, lengths, records)
    )
    return Samples(offset, row, start, length, record, np.array(windows, dtype=np.int32))


def draw_combination(seed: int, record_id: str, modalities: tuple[int, ...]) -> tuple[int, ...]:
    """Two or all of the modalities (ascending codes), each combination equally likely."""
    choices = [c for size in range(2, len(modalities) + 1) for c in combinations(modalities, size)] or [modalities]
    return choices[stable_hash64("combination", seed, record_id) % len(choices)]


def shuffled(pieces: list[_Piece], seed: int, record_id: str, window: int) -> list[_Piece]:
    """The pieces in an order drawn for this window, each order equally likely."""
    orders = list(permutations(pieces))
    return list(orders[stable_hash64("order", seed, record_id, window) % len(orders)])


def _gene(batch: Batch, index: int) -> dict[int, list[GenePiece]]:
    """Pieces by modality code, ascending; more than one piece of a modality where cleaning has cut one apart."""
    pieces: dict[int, list[GenePiece]] = defaultdict(list)
    for row in range(batch.first_row[index], batch.first_row[index + 1]):
        piece = GenePiece(row, batch.sequence(row), batch.blocks_of(row), int(batch.genetic_code[row]))
        pieces[int(batch.modality[row])].append(piece)
    return dict(sorted(pieces.items()))


def _samples_of(
    pieces: dict[int, list[GenePiece]], record_id: str, index: int, settings: ShardSettings, left_out: LeftOut
) -> Iterator[tuple[int, list[_Piece]]]:
    drawn = draw_combination(settings.seed, record_id, tuple(pieces))
    for modality in pieces.keys() - set(drawn):
        left_out(index, NOT_DRAWN, len(pieces[modality]), _n_letters(pieces[modality]))
    chosen = [(p.row, 0, len(p.letters)) for modality in drawn for p in pieces[modality]]
    n_tokens = sum(length for _, _, length in chosen) + len(chosen) - 1 + N_END_TOKENS
    if n_tokens <= settings.context_tokens:
        yield WHOLE, shuffled(chosen, settings.seed, record_id, 0)
        return
    if settings.window == "whole":
        yield from _chopped(shuffled(chosen, settings.seed, record_id, 0), settings.context_tokens, chop=True)
        return
    gene = {modality: found[0] for modality, found in pieces.items() if len(found) == 1}
    aligned = _alignable(gene, drawn, settings.seed, record_id)
    if aligned is None:
        yield from _chopped(chosen, settings.context_tokens, chop=False)
        return
    for modality in set(drawn) - aligned.positions.keys():
        left_out(index, NOT_ALIGNED, len(pieces[modality]), _n_letters(pieces[modality]))
    yield from _windows(gene, aligned, record_id, index, settings, left_out)


def _alignable(gene: Gene, drawn: tuple[int, ...], seed: int, record_id: str) -> Axis | None:
    """The drawn combination on one axis; failing that, a drawn pair that can be laid; None where there is none."""
    if len(drawn) < 2 or not set(drawn) <= gene.keys():
        drawn = tuple(m for m in drawn if m in gene)
    if len(drawn) < 2:
        return None
    axis = lay(gene, drawn)
    if axis is not None or len(drawn) == 2:
        return axis
    pairs = [found for pair in combinations(drawn, 2) if (found := lay(gene, pair)) is not None]
    return pairs[stable_hash64("pair", seed, record_id) % len(pairs)] if pairs else None


def _windows(
    gene: Gene, axis: Axis, record_id: str, index: int, settings: ShardSettings, left_out: LeftOut
) -> Iterator[tuple[int, list[_Piece]]]:
    """Cut the axis and give every window its piece of each modality; a modality without letters there is absent."""
    budget = settings.context_tokens - N_END_TOKENS - (len(axis.positions) - 1)
    cost, inside_codon = axis.cost(), axis.inside_codon()
    if settings.window == "centre":
        cuts = centre_window(cost, inside_codon, budget, *axis.core())
    else:
        cuts = tile_cuts(cost, inside_codon, budget)
    bounds = {modality: np.searchsorted(positions, cuts) for modality, positions in axis.positions.items()}
    for modality, inside in bounds.items():
        n_outside = len(gene[modality].letters) - int(inside[-1] - inside[0])
        if n_outside:
            left_out(index, OUTSIDE_CENTRE, 0, n_outside)
    is_whole = len(cuts) == 2 and all(b[1] - b[0] == len(gene[m].letters) for m, b in bounds.items())
    for window in range(len(cuts) - 1):
        held = [
            (gene[modality].row, int(inside[window]), int(inside[window + 1] - inside[window]))
            for modality, inside in bounds.items()
            if inside[window + 1] > inside[window]
        ]
        yield WHOLE if is_whole else window, shuffled(held, settings.seed, record_id, window)


def _chopped(pieces: list[_Piece], context_tokens: int, chop: bool) -> Iterator[tuple[int, list[_Piece]]]:
    """Without alignment: the joined pieces chopped (``whole``), or each piece in windows of its own."""
    lengths = np.array([length for _, _, length in pieces], dtype=np.int64)
    first_row = np.array([0, len(pieces)]) if chop else np.arange(len(pieces) + 1)
    samples = joined_samples(lengths, first_row, context_tokens, chop)
    for window in range(samples.n_samples):
        inside = range(samples.offsets[window], samples.offsets[window + 1])
        yield window, [(pieces[samples.row[i]][0], int(samples.start[i]), int(samples.length[i])) for i in inside]


def _n_letters(pieces: list[GenePiece]) -> int:
    return sum(len(piece.letters) for piece in pieces)
