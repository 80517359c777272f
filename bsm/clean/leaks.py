"""Search of items in corpus sequences, within and across modalities.

Three indexes: nucleotide items on both strands against DNA and RNA; protein items against proteins and against
the six translated frames of DNA and RNA; the open frames of nucleotide items against proteins. Items below the
seed-safe length (30 nt, 14 aa) are found by exact containment only; below 15 nt or 7 aa, and where nothing but
low-complexity letters could seed, an item is not searched and is counted so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from bsm.base.alphabet import Modality
from bsm.base.config.data import CleanSettings
from bsm.clean.engine import (
    Demand,
    Engine,
    Match,
    Queries,
    Reader,
    Segments,
    Spliced,
    spliced_matches,
    stretch_of,
)
from bsm.clean.items import Query
from bsm.clean.letters import (
    Alphabet,
    amino_acids,
    encode,
    nucleotides,
    open_frames,
    reverse_complement,
    translate_frames,
)
from bsm.clean.spans import merged

SAME, IN_NUCLEOTIDES, IN_PROTEIN = "same_modality", "protein_in_nucleotides", "nucleotides_in_protein"
LEVEL_IDENTITY = {"paper": 1.0, "strict": 0.95, "family": 0.5}


class Piece(NamedTuple):
    """One corpus sequence; ``genetic_code`` is NCBI's table, None where the corpus does not know."""

    modality: Modality
    sequence: str
    genetic_code: int | None


class Hit(NamedTuple):
    """An item's sequence in a piece. Spans are 0-based half-open on the item and on the piece, both as given.

    ``coverage`` is the share of the item, or for ``nucleotides_in_protein`` of the item's open frame, that the hit
    spans. ``meets`` says whether the demand of the removal level is met by this sequence alone.
    """

    query: int
    piece: int
    kind: str
    strand: int
    frame: int
    item_start: int
    item_end: int
    start: int
    end: int
    identity: float
    coverage: float
    meets: bool


class _Entry(NamedTuple):
    """What one indexed sequence is: a query, the strand it was turned to, and for open frames the span on it."""

    query: int
    strand: int
    frame: int
    start: int
    length: int  # of the whole item
    longest: bool = False  # of the item's open frames


class LeakSearch:
    """All queries, indexed once; ``find`` then searches any number of pieces."""

    def __init__(self, queries: Sequence[Query], settings: CleanSettings) -> None:
        self.queries, self.settings = queries, settings
        self._nucleotides = self._index_nucleotides()
        self._proteins = self._index_proteins()
        self._frames = self._index_frames()

    def unsearched(self) -> Iterator[tuple[Query, str]]:
        """Queries that cannot be searched, with the reason."""
        seeded = {entry.query for index in (*self._nucleotides, *self._proteins) for entry in index.seeded()}
        for number, query in enumerate(self.queries):
            alphabet = nucleotides() if query.modality.is_nucleotide else amino_acids()
            if len(query.sequence) < alphabet.min_searched:
                yield query, "too_short_to_search"
            elif number not in seeded:
                yield query, "low_complexity_not_searched"

    def find(self, pieces: Sequence[Piece]) -> list[Hit]:
        """Everything found at the level's demand or at 90 % identity, ordered by piece and position."""
        hits: list[Hit] = []
        nucleotide = [i for i, p in enumerate(pieces) if p.modality.is_nucleotide]
        protein = [i for i, p in enumerate(pieces) if not p.modality.is_nucleotide]
        if nucleotide:
            codes = [encode(pieces[i].sequence, nucleotides()) for i in nucleotide]
            for index in self._nucleotides:
                hits += self._in_nucleotides(index, codes, nucleotide)
            if self._proteins:
                unknown = self.settings.search.genetic_codes
                known = [pieces[i].genetic_code for i in nucleotide]
                translations = Translations(codes, [[code] if code else unknown for code in known])
                for index in self._proteins:
                    hits += self._in_translations(index, translations, nucleotide)
        if protein:
            codes = [encode(pieces[i].sequence, amino_acids()) for i in protein]
            for index in self._proteins:
                matches, _ = index.engine.search(codes)
                hits += [_on_protein(index.entries[m.query], m, protein[m.target], SAME) for m in matches]
            for index in self._frames:
                hits += self._products(index, codes, protein)
        return sorted(hits, key=lambda h: (h.piece, h.start, h.end, h[:5], h.item_start))

    def _index_nucleotides(self) -> list[_Index]:
        entries, letters = [], []
        for number, codes in self._encoded(nucleotides()):
            entries.append(_Entry(number, 1, -1, 0, codes.size))
            letters.append(codes)
            turned = reverse_complement(codes)
            if not np.array_equal(turned, codes):
                entries.append(_Entry(number, -1, -1, 0, codes.size))
                letters.append(turned)
        return self._index(entries, letters, nucleotides())

    def _index_proteins(self) -> list[_Index]:
        found = list(self._encoded(amino_acids()))
        entries = [_Entry(number, 0, -1, 0, codes.size) for number, codes in found]
        return self._index(entries, [codes for _, codes in found], amino_acids())

    def _index_frames(self) -> list[_Index]:
        entries, letters = [], []
        for number, codes in self._encoded(nucleotides()):
            known: set[bytes] = set()
            for table in self.settings.search.genetic_codes:  # items come without a code
                frames = open_frames(codes, table, self.settings.search.min_orf_aa)
                longest = max((frame.protein.size for frame in frames), default=0)
                for frame in frames:
                    if frame.protein.tobytes() in known:
                        continue
                    known.add(frame.protein.tobytes())
                    is_longest = frame.protein.size == longest
                    entries.append(_Entry(number, frame.strand, frame.frame, frame.start, codes.size, is_longest))
                    letters.append(frame.protein)
        # spurious frames are many letters, so short seeds would cost more than they find here
        return self._index(entries, letters, amino_acids(), short_seeds=False)

    def _encoded(self, alphabet: Alphabet) -> Iterator[tuple[int, np.ndarray]]:
        wanted = alphabet is nucleotides()
        for number, query in enumerate(self.queries):
            if query.modality.is_nucleotide == wanted and len(query.sequence) >= alphabet.min_searched:
                yield number, encode(query.sequence, alphabet)

    def _index(
        self, entries: list[_Entry], letters: list[np.ndarray], alphabet: Alphabet, short_seeds: bool = True
    ) -> list[_Index]:
        """One index for short sequences, one for the others: short ones need shorter seeds, and are few letters."""
        search = self.settings.search
        k = search.k_nucleotides if alphabet is nucleotides() else search.k_amino_acids
        if self.settings.level == "family":
            k = min(k, alphabet.family_k)
        limit = alphabet.short if short_seeds else 0
        tiers: tuple[list[int], list[int]] = [], []
        for number, codes in enumerate(letters):
            tiers[codes.size >= limit].append(number)
        return [self._tier([entries[n] for n in tier], [letters[n] for n in tier], alphabet, k_tier)
                for tier, k_tier in zip(tiers, (min(k, alphabet.short_k), k), strict=True) if tier]  # fmt: skip

    def _tier(self, entries: list[_Entry], letters: list[np.ndarray], alphabet: Alphabet, k: int) -> _Index:
        exact = np.array([codes.size < alphabet.min_inexact for codes in letters], dtype=bool)
        demands = [
            Demand(1.0, 1.0) if short else self._demand(self.queries[entry.query], codes.size >= alphabet.min_family)
            for entry, codes, short in zip(entries, letters, exact, strict=True)
        ]
        engine = Engine(Queries(letters, demands, exact), alphabet, k, self.settings.search.max_occurrences,
                        self.settings.min_coverage)  # fmt: skip
        return _Index(engine, entries)

    def _demand(self, query: Query, is_long: bool) -> Demand:
        """What the level asks. At level paper an assay's wild type counts as the instance at strict's demand, and
        the first residue of a protein may differ (start codons other than ATG, cleaved methionine). At level
        family what is not long is held to strict: half of a few letters agree by chance."""
        level = self.settings.level
        if level == "paper" and not query.assay:
            n_letters = len(query.sequence)
            return Demand(1.0, 1.0 if query.modality.is_nucleotide else (n_letters - 1) / n_letters)
        identity = LEVEL_IDENTITY["family" if level == "family" and is_long else "strict"]
        return Demand(identity, self.settings.min_coverage)

    def _in_nucleotides(self, index: _Index, codes: list[np.ndarray], numbers: list[int]) -> list[Hit]:
        matches, segments = index.engine.search(codes)
        hits = [_on_nucleotides(index.entries[m.query], m, numbers[m.target]) for m in matches]
        compact = {(m.query, m.target) for m in matches}

        def readers(target: int) -> list[Reader]:
            return [lambda start, n: codes[target][start : start + n]]

        for s, match in self._spliced(index, segments, readers):
            entry = index.entries[s.query]
            if (s.query, s.target) not in compact:
                hits.append(_on_nucleotides(entry, match, numbers[s.target]))
        return hits

    def _in_translations(self, index: _Index, translations: Translations, numbers: list[int]) -> list[Hit]:
        sizes = translations.sizes
        matches, segments = index.engine.search(translations.frames, translations.others)
        hits = []
        compact = set()
        for m in matches:
            piece, strand, frame = m.target // 6, (1, -1)[m.target % 6 // 3], m.target % 3
            compact.add((m.query, m.target // 3))
            span = _turned(frame + 3 * m.start, frame + 3 * m.end, sizes[piece], strand)
            hits.append(Hit(index.entries[m.query].query, numbers[piece], IN_NUCLEOTIDES, strand, frame,
                            m.query_start, m.query_end, *span, m.identity, m.coverage, m.meets))  # fmt: skip
        strands = _on_strands(segments)
        for s, m in self._spliced(index, strands, translations.readers):
            if (s.query, s.target) not in compact:
                piece, strand = s.target // 2, (1, -1)[s.target % 2]
                span = _turned(s.start, s.end, sizes[piece], strand)
                frame = int(strands.fields[s.first, 2] % 3)
                hits.append(Hit(index.entries[s.query].query, numbers[piece], IN_NUCLEOTIDES, strand, frame,
                                m.query_start, m.query_end, *span, m.identity, m.coverage, m.meets))  # fmt: skip
        return hits

    def _products(self, index: _Index, codes: list[np.ndarray], numbers: list[int]) -> list[Hit]:
        """Open frames of nucleotide items in proteins.

        Any stretch without a stop is a frame, and one exon is not its gene: the demand is met only by the longest
        frame of an item, or where the item's frames together span ``min_coverage`` of the protein.
        """
        matches, _ = index.engine.search(codes)
        spans: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        for m in matches:
            if m.meets:
                spans[index.entries[m.query].query, m.target].append((m.start, m.end))
        hits = []
        for m in matches:
            entry = index.entries[m.query]
            covered = sum(end - start for start, end in merged(spans[entry.query, m.target]))
            whole = covered >= self.settings.min_coverage * codes[m.target].size
            hit = _on_protein(entry, m, numbers[m.target], IN_PROTEIN)
            hits.append(hit._replace(meets=m.meets and (entry.longest or whole)))
        return hits

    def _spliced(self, index: _Index, segments: Segments, readers: Callable[[int], list[Reader]]
                 ) -> Iterator[tuple[Spliced, Match]]:  # fmt: skip
        if not self.settings.search.max_intron_nt:
            return
        engine = index.engine
        for found in spliced_matches(segments, engine, readers, self.settings.search.max_intron_nt):
            for demand, meets in ((engine.queries.demands[found.query], True), (engine.listing, False)):
                stretch = None if engine.queries.exact[found.query] else stretch_of(found, demand)
                if stretch is not None:
                    start, end, identity, coverage = stretch
                    yield found, Match(found.query, found.target, start, end, found.start, found.end, identity,
                                       coverage, meets)  # fmt: skip
                    break


class _Index(NamedTuple):
    engine: Engine
    entries: list[_Entry]

    def seeded(self) -> Iterator[_Entry]:
        return (e for e, has_seed in zip(self.entries, self.engine.has_seed, strict=True) if has_seed)


def _turned(start: int, end: int, length: int, strand: int) -> tuple[int, int]:
    """A span on the strand that was searched -> on the sequence as given."""
    return (start, end) if strand >= 0 else (length - end, length - start)


def _on_nucleotides(entry: _Entry, match: Match, piece: int) -> Hit:
    span = _turned(match.query_start, match.query_end, entry.length, entry.strand)
    return Hit(entry.query, piece, SAME, entry.strand, -1, *span, match.start, match.end, match.identity,
               match.coverage, match.meets)  # fmt: skip


def _on_protein(entry: _Entry, match: Match, piece: int, kind: str) -> Hit:
    span = match.query_start, match.query_end
    if kind == IN_PROTEIN:
        begin, end = entry.start + 3 * match.query_start, entry.start + 3 * match.query_end
        span = _turned(begin, end, entry.length, entry.strand)
    return Hit(entry.query, piece, kind, entry.strand, entry.frame, *span, match.start, match.end, match.identity,
               match.coverage, match.meets)  # fmt: skip


class Translations:
    """Six frames of each sequence under the first of its genetic codes: frames 0-2 of the strand as given, then of its
    reverse complement. Other codes are read where something was found: few codons differ between codes, so the seeds
    of the first find what the others spell, at no cost for the rest of the corpus.
    """

    def __init__(self, codes: list[np.ndarray], tables: list[list[int]]) -> None:
        self._codes, self._tables = codes, tables
        self.sizes = [letters.size for letters in codes]
        self.frames = [frame for number in range(len(codes)) for frame in self._six(number, tables[number][0])]
        self._read: dict[int, list[list[np.ndarray]]] = {}

    def _six(self, number: int, table: int) -> list[np.ndarray]:
        letters = self._codes[number]
        return translate_frames(letters, table) + translate_frames(reverse_complement(letters), table)

    def _readings(self, number: int) -> list[list[np.ndarray]]:
        """Six frames per genetic code."""
        if number not in self._read:
            further = [self._six(number, table) for table in self._tables[number][1:]]
            self._read[number] = [self.frames[6 * number : 6 * number + 6], *further]
        return self._read[number]

    def others(self, target: int) -> Iterator[np.ndarray]:
        """One of the six frames under the other codes."""
        number, frame = divmod(target, 6)
        if len(self._tables[number]) > 1:
            yield from (six[frame] for six in self._readings(number)[1:])

    def readers(self, target: int) -> list[Reader]:
        """Of one strand (two per sequence), in nucleotides: one reader per genetic code."""
        number, strand = divmod(target, 2)

        def reader(frames: list[np.ndarray]) -> Reader:
            return lambda start, n: frames[start % 3][start // 3 : start // 3 + n]

        return [reader(six[3 * strand : 3 * strand + 3]) for six in self._readings(number)]


def _on_strands(segments: Segments) -> Segments:
    """Segments of six frames per piece, target in amino acids -> of two strands per piece, target in nucleotides."""
    fields = segments.fields.copy()
    fields[:, 2:4] = 3 * fields[:, 2:4] + (segments.target % 3)[:, None]
    return Segments.sorted(fields, segments.query, segments.target // 3)
