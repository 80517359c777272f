"""The control ``unpaired``: documents in the format of gene samples whose pieces come from different genes.

Every piece after the first of a document changes places with pieces of the same modality in other documents. The
pieces themselves stay whole and each stands exactly once, so letters, lengths and tokens by modality are those of the
source; what is gone is that the pieces of a document describe one gene. A model that learns as much from these
documents as from the true ones has learnt the format and not the relation.

A piece may come from any gene whose family (``group_id``: clean links relatives) has no other piece in the document,
drawn at random among those that fit the context. Places with least room choose first: what fits them also fits every
later place, so no choice takes away a later one's last chance; a place to which only relatives are left swaps with one
that is filled. Where no exchange is possible, as in a buffer with a single gene, the place stays empty and the piece
becomes a document of its own: the relation is never kept.

The exchange happens within the buffers in which documents are packed (about 32 M tokens of one split), in bounded
memory; a large source is sorted by species, so partners mostly come from the same species and its codon usage stays.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from bsm.base.alphabet import BOS, EOS, MODALITY_CODES, SEP
from bsm.shard.tokens import SPECIAL, Documents

_MAX_DRAWS = 256
"""Candidates looked at before a place is left empty; all of them where there are no more."""
_EMPTY = -1
_Place = tuple[int, int]


@dataclass(frozen=True)
class _Pieces:
    """All pieces of all documents, in order."""

    document: np.ndarray  # int64
    number: np.ndarray  # int64: 0-based position in the document
    modality: np.ndarray  # int8
    start: np.ndarray  # int64: first token in Documents.tokens
    length: np.ndarray  # int64


def unpair(
    documents: Documents, kin: np.ndarray, context_tokens: int, rng: np.random.Generator
) -> tuple[Documents, int]:
    """(documents with their later pieces exchanged, how many pieces were left alone).

    kin: uint64[n_documents, n_kinds], such as hashes of gene and family: pieces that share any of them never meet.
    Documents that were left with one piece keep their place; pieces left alone follow at the end. The id of a document
    lists where each of its pieces comes from, joined by ``+``.
    """
    pieces = _pieces_of(documents)
    exchange = _Exchange(documents, pieces, kin, context_tokens, rng)
    alone = [piece for code in sorted(MODALITY_CODES.values()) for piece in exchange.of_modality(code)]
    kept = [[piece for piece in found if piece != _EMPTY] for found in exchange.settled]
    return _rebuilt(documents, pieces, [*kept, *([piece] for piece in alone)]), len(alone)


class _Exchange:
    """Places are (document, position in it); ``settled[document][position]`` is the piece that stands there."""

    def __init__(
        self, documents: Documents, pieces: _Pieces, kin: np.ndarray, context_tokens: int, rng: np.random.Generator
    ) -> None:
        self._rng = rng
        self._lengths: list[int] = pieces.length.tolist()
        self._room: list[int] = (context_tokens - documents.lengths()).tolist()
        relatives = [frozenset(row) for row in kin.tolist()]
        self._kin = [relatives[document] for document in pieces.document.tolist()]
        self.settled: list[list[int]] = [[] for _ in range(documents.n_documents)]
        self._places: dict[int, list[tuple[_Place, int]]] = defaultdict(list)  # by modality, with the true piece
        facts = zip(pieces.document.tolist(), pieces.number.tolist(), pieces.modality.tolist(), strict=True)
        for piece, (document, number, modality) in enumerate(facts):
            self.settled[document].append(_EMPTY if number else piece)
            if number:
                self._places[modality].append(((document, number), piece))

    def of_modality(self, code: int) -> list[int]:
        """Fill the places of one modality with each other's pieces; returns the pieces that fit nowhere."""
        places = self._places[code]
        mixed = [places[i] for i in self._rng.permutation(len(places))]  # the order among equal rooms and lengths
        limits = [self._room[document] + self._lengths[piece] for (document, _), piece in mixed]
        coming = sorted((piece for _, piece in mixed), key=self._lengths.__getitem__, reverse=True)
        pool: list[int] = []
        filled: list[_Place] = []
        empty: list[_Place] = []
        for i in np.argsort(limits, kind="stable"):
            place, piece = mixed[i]
            self._room[place[0]] += self._lengths[piece]
            while coming and self._lengths[coming[-1]] <= limits[i]:
                pool.append(coming.pop())
            (filled if self._draw(place, pool) else empty).append(place)
        pool += coming
        for place in empty:
            self._swap(place, filled, pool)
        return sorted(pool)

    def _draw(self, place: _Place, pool: list[int]) -> bool:
        """Take a random piece that suits the place out of the pool; False where none is found."""
        for last in range(len(pool) - 1, max(-1, len(pool) - 1 - _MAX_DRAWS), -1):
            index = int(self._rng.integers(last + 1))
            pool[index], pool[last] = pool[last], pool[index]
            if self._suits(pool[last], place):
                self._settle(pool.pop(last), place)
                return True
        return False

    def _swap(self, place: _Place, filled: list[_Place], pool: list[int]) -> None:
        """A piece that stands elsewhere comes here, where one of the pool can take its place there."""
        for index in self._rng.permutation(len(filled))[:_MAX_DRAWS]:
            other = filled[index]
            standing = self.settled[other[0]][other[1]]
            if not self._suits(standing, place):
                continue
            self._clear(other)
            if self._draw(other, pool):
                self._settle(standing, place)
                filled.append(place)
                return
            self._settle(standing, other)

    def _suits(self, piece: int, place: _Place) -> bool:
        others = (other for other in self.settled[place[0]] if other != _EMPTY)
        fits = self._lengths[piece] <= self._room[place[0]]
        return fits and all(self._kin[piece].isdisjoint(self._kin[other]) for other in others)

    def _settle(self, piece: int, place: _Place) -> None:
        self.settled[place[0]][place[1]] = piece
        self._room[place[0]] -= self._lengths[piece]

    def _clear(self, place: _Place) -> None:
        self._room[place[0]] += self._lengths[self.settled[place[0]][place[1]]]
        self.settled[place[0]][place[1]] = _EMPTY


def _pieces_of(documents: Documents) -> _Pieces:
    """Spans alternate: special, piece, special, ..., special."""
    n_spans = np.diff(documents.span_offsets)
    span = np.flatnonzero(documents.span_modality != SPECIAL)
    document = np.repeat(np.arange(documents.n_documents), n_spans)[span]
    start = documents.span_ends[span - 1].astype(np.int64)
    return _Pieces(
        document=document, number=(span - documents.span_offsets[document]) // 2,
        modality=documents.span_modality[span], start=documents.offsets[document] + start,
        length=documents.span_ends[span] - start,
    )  # fmt: skip


def _rebuilt(documents: Documents, pieces: _Pieces, members: list[list[int]]) -> Documents:
    n_pieces = np.array([len(found) for found in members], dtype=np.int64)
    flat = np.array([piece for found in members for piece in found], dtype=np.int64)
    first = np.cumsum(n_pieces) - n_pieces  # of each document in flat; every document has at least one piece
    is_first = np.zeros(len(flat), dtype=np.bool_)
    is_first[first] = True
    lengths = np.add.reduceat(pieces.length[flat] + 1, first) + 1
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    # Each piece has one special token before it, each document one behind it.
    document = np.repeat(np.arange(len(members)), n_pieces)
    start = np.cumsum(pieces.length[flat] + 1) - pieces.length[flat] + document
    tokens = np.empty(offsets[-1], dtype=np.uint8)
    tokens[start - 1] = np.where(is_first, BOS, SEP)
    tokens[offsets[1:] - 1] = EOS
    for out, source, n in zip(start.tolist(), pieces.start[flat].tolist(), pieces.length[flat].tolist(), strict=True):
        tokens[out : out + n] = documents.tokens[source : source + n]
    span_offsets = np.concatenate([[0], np.cumsum(2 * n_pieces + 1)])
    span_ends = np.empty(span_offsets[-1], dtype=np.int32)
    span_modality = np.full(span_offsets[-1], SPECIAL, dtype=np.int8)
    span = 2 * np.arange(len(flat)) + 1 + document
    inside = start - offsets[document]
    span_ends[span - 1], span_ends[span] = inside, inside + pieces.length[flat]
    span_ends[span_offsets[1:] - 1] = lengths
    span_modality[span] = pieces.modality[flat]
    names = documents.ids.take(pa.array(pieces.document[flat])).to_pylist()
    ids = ["+".join(names[a : a + n]) for a, n in zip(first.tolist(), n_pieces.tolist(), strict=True)]
    return Documents(tokens, offsets, span_offsets, span_ends, span_modality, pa.array(ids, pa.string()))
