"""GFF3 at the speed of decompression: one compiled pass from file blocks to columns of numbers and byte spans.

Says nothing that ``bsm.base.gff3`` does not say: a line that is not plainly right goes to that module's
``read_row``, which names what is wrong. No string is made for a row until it is asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numba import njit

from bsm.base.errors import InputError
from bsm.base.files import reading
from bsm.base.gff3 import Damaged, GffRow, no_lines, read_row, sequence_name

(LINE, KIND, START, END, STRAND, PHASE, TEXT, TEXT_END, ID, ID_END, ID_HASH,
 PARENT, PARENT_END, PARENT_HASH, TAGS) = range(15)  # fmt: skip
"""Columns of ``GffTable.rows``. START and END are 0-based half-open; PHASE is -1 for none; TEXT, ID and PARENT are
places in ``GffTable.text`` (ID and PARENT: empty where absent), the hashes those of their bytes."""
N_COLUMNS = 15
SEVERAL_PARENTS, ESCAPED, BLANK = 1 << 60, 1 << 61, 1 << 62
"""Bits of TAGS: a comma in Parent, a % in ID or Parent, a blank before a tag; bit i stands for tag i of the caller."""
SKIP, LINKS, ALL = 0, 1, 2
"""What is read of a row of some type: nothing; ID and Parent; ID, Parent and which of the caller's tags it has."""

_BLOCK_BYTES = 1 << 20
_LEAST_ROW_BYTES = 16
_BLOCK_DONE, _NEW_NAME, _NEW_KIND, _ODD_LINE, _FASTA = range(5)


@dataclass(slots=True)
class GffTable:
    """Rows of one sequence, in file order."""

    name: str
    kinds: list[str]
    """Feature types by the numbers of column KIND."""
    rows: np.ndarray
    """int64[n_rows, N_COLUMNS]"""
    text: np.ndarray
    """uint8[n]: the lines as they stand in the file."""

    @property
    def n_rows(self) -> int:
        return int(self.rows.shape[0])

    def row(self, index: int) -> GffRow:
        """One row, as ``read_gff3`` gives it."""
        line, kind, start, end, strand, phase, low, high = self.rows[index, : TEXT_END + 1].tolist()
        text = self.text[low:high].tobytes().decode("utf-8", "replace")
        return GffRow(line, self.name, self.kinds[kind], start, end, strand, None if phase < 0 else phase, text)

    def rows_of_kind(self, kind: str) -> list[GffRow]:
        """All rows of one feature type."""
        if kind not in self.kinds:
            return []
        return [self.row(i) for i in np.flatnonzero(self.rows[:, KIND] == self.kinds.index(kind)).tolist()]


def scan_gff3_by_sequence(
    path: Path | str, depth: Callable[[str], int], tags: Sequence[str] = (), damaged: Damaged | None = None
) -> Iterator[GffTable]:
    """Yield the rows of each sequence once, in order of its last line, like ``read_gff3_by_sequence``.

    ``depth`` says by its type how much of a row is read (SKIP, LINKS, ALL). Raises InputError as ``read_gff3``.
    """
    remaining = count_lines(path)
    scanner = GffScanner(path, depth, tags, damaged)
    waiting: dict[str, _Rows] = {}
    for name, n_lines, rows, text, start in scanner.runs():
        waiting.setdefault(name, _Rows()).add(rows, text, start)
        remaining[name] -= n_lines
        if not remaining[name]:
            yield waiting.pop(name).table(name, scanner.kinds)


class _Rows:
    """Rows of one sequence, block by block."""

    def __init__(self) -> None:
        self._rows: list[np.ndarray] = []
        self._texts: list[np.ndarray] = []
        self._n_bytes = 0

    def add(self, rows: np.ndarray, text: np.ndarray, start: int) -> None:
        """Rows of one block; ``text`` begins ``start`` bytes behind the block's begin."""
        for place in (TEXT, TEXT_END, ID, ID_END, PARENT, PARENT_END):
            rows[:, place] += self._n_bytes - start
        self._rows.append(rows)
        self._texts.append(text)
        self._n_bytes += text.size

    def table(self, name: str, kinds: list[str]) -> GffTable:
        return GffTable(name, kinds, np.concatenate(self._rows), np.concatenate(self._texts))


def count_lines(path: Path | str) -> Counter[str]:
    """Feature lines of each sequence; InputError where there is none."""
    counts: Counter[bytes] = Counter()
    for block in _blocks(path):
        runs = np.empty((block.size // 2 + 1, 3), dtype=np.int64)
        n_runs, is_fasta = _count(block, runs)
        for low, high, n_lines in runs[:n_runs].tolist():
            counts[block[low:high].tobytes()] += n_lines
        if is_fasta:
            break
    if not counts:
        raise no_lines(path)
    names: Counter[str] = Counter()
    for name, n_lines in counts.items():
        names[sequence_name(name.decode("utf-8", "replace"))] += n_lines
    return names


def _blocks(path: Path | str) -> Iterator[np.ndarray]:
    """uint8[n]: blocks of whole lines, each with its line end; the memory is reused for the next."""
    buffer = bytearray(2 * _BLOCK_BYTES)
    n_filled, n_read = 0, 1
    with reading(path) as handle:
        while n_read:
            if len(buffer) - n_filled <= _BLOCK_BYTES:
                buffer = buffer + bytearray(len(buffer))  # a line longer than a block
            n_read = handle.readinto(memoryview(buffer)[n_filled : n_filled + _BLOCK_BYTES])  # type: ignore[attr-defined]
            n_filled += n_read
            if not n_read and n_filled and buffer[n_filled - 1] != 10:
                buffer[n_filled] = 10
                n_filled += 1
            end = buffer.rfind(b"\n", 0, n_filled) + 1
            if end:
                yield np.frombuffer(buffer, dtype=np.uint8, count=end)
                buffer[: n_filled - end] = buffer[end:n_filled]
                n_filled -= end


class GffScanner:
    """Runs the compiled scan over the blocks and looks after what it stops for."""

    def __init__(
        self, path: Path | str, depth: Callable[[str], int], tags: Sequence[str], damaged: Damaged | None
    ) -> None:
        self._path, self._depth, self._damaged = path, depth, damaged
        self.kinds: list[str] = []
        self._kind_table = np.zeros((0, 3), dtype=np.int64)
        self._kind_text = np.zeros(0, dtype=np.uint8)
        ends = np.cumsum([0, *(len(tag) for tag in tags)]).astype(np.int64)
        self._tags = ends, np.frombuffer("".join(tags).encode(), dtype=np.uint8)

    def runs(self) -> Iterator[tuple[str, int, np.ndarray, np.ndarray, int]]:
        """Yield (sequence name, feature lines, rows, text, its place) of stretches of lines of one sequence."""
        state = np.array([0, 1, 0, 0, 0, 0], dtype=np.int64)  # see _scan
        name, rows = b"", np.empty((0, N_COLUMNS), dtype=np.int64)
        for block in _blocks(self._path):
            if len(rows) <= block.size // _LEAST_ROW_BYTES:  # reused: fresh pages for every block cost a fifth
                rows = np.empty((block.size // _LEAST_ROW_BYTES + 1, N_COLUMNS), dtype=np.int64)
            state[0], start, code = 0, 0, _NEW_NAME
            while code != _BLOCK_DONE:
                place = np.frombuffer(name, dtype=np.uint8)
                code = _scan(block, state, place, self._kind_table, self._kind_text, *self._tags, rows)
                position, line, n_rows, n_lines, low, high = state.tolist()
                mark = block[low:high].tobytes()
                if code == _NEW_KIND:
                    self._add_kind(mark)
                    continue
                if n_lines:
                    text = block[start:position] if n_rows else block[:0]
                    yield _name(name), n_lines, rows[:n_rows].copy(), text.copy(), start
                    state[2:4] = 0
                start = position
                if code == _NEW_NAME:
                    name = mark
                elif code == _ODD_LINE:
                    yield self._odd(mark, line), 1, rows[:0], block[:0], 0
                    state[0], state[1], start = high + 1, line + 1, high + 1
                elif code == _FASTA:
                    return

    def _add_kind(self, kind: bytes) -> None:
        self.kinds.append(kind.decode("utf-8", "replace"))
        start = self._kind_text.size
        self._kind_text = np.concatenate([self._kind_text, np.frombuffer(kind, dtype=np.uint8)])
        entry = np.array([[start, start + len(kind), self._depth(self.kinds[-1])]], dtype=np.int64)
        self._kind_table = np.concatenate([self._kind_table, entry])

    def _odd(self, raw: bytes, line: int) -> str:
        """Report a line that is not right; the name of its sequence."""
        columns = raw.decode("utf-8", "replace").rstrip("\r").split("\t")
        name = sequence_name(columns[0])
        try:
            read_row(self._path, line, name, columns)
        except InputError as error:
            if self._damaged is None:
                raise
            self._damaged(error)
        return name


def _name(raw: bytes) -> str:
    return sequence_name(raw.decode("utf-8", "replace"))


_FASTA_MARK = np.frombuffer(b"##FASTA", dtype=np.uint8)


@njit(cache=True, nogil=True)
def _count(block: np.ndarray, runs: np.ndarray) -> tuple[int, bool]:
    """Runs of lines with the same first column -> rows (start, end, lines) of ``runs``; and whether FASTA began."""
    n_runs = at = 0
    while at < block.size:
        if block[at] == 35 or block[at] == 10 or block[at] == 13:  # # \n \r
            if _begins(block, at, _FASTA_MARK):
                return n_runs, True
        else:
            same = n_runs > 0
            if same:
                low, high = runs[n_runs - 1, 0], runs[n_runs - 1, 1]
                same = at + high - low < block.size and block[at + high - low] == 9
                for i in range(high - low):
                    if not same or block[at + i] != block[low + i]:
                        same = False
                        break
            if same:
                runs[n_runs - 1, 2] += 1
            else:
                stop = find_byte(block, at, block.size, 9, 10)
                runs[n_runs, 0], runs[n_runs, 1], runs[n_runs, 2] = at, stop, 1
                n_runs += 1
        at = _find(block, at, block.size, 10, 10) + 1
    return n_runs, False


@njit(cache=True, nogil=True)
def _begins(block: np.ndarray, at: int, mark: np.ndarray) -> bool:
    if at + mark.size > block.size:
        return False
    for i in range(mark.size):  # noqa: SIM110 (numba)
        if block[at + i] != mark[i]:
            return False
    return True


@njit(cache=True, nogil=True)
def _find(text: np.ndarray, at: int, end: int, one: int, other: int) -> int:
    """Place of the first of two bytes in text[at:end], else ``end``; for long stretches."""
    a, b = np.uint8(one), np.uint8(other)
    while at + 64 <= end:
        part = text[at : at + 64]
        n_hits = np.uint8(0)
        for i in range(64):
            n_hits |= np.uint8(part[i] == a) | np.uint8(part[i] == b)
        if n_hits:
            break
        at += 64
    return find_byte(text, at, end, one, other)


@njit(cache=True, nogil=True)
def find_byte(text: np.ndarray, at: int, end: int, one: int, other: int) -> int:
    """As ``_find``, for a few letters; unsigned positions spare the check for negative indices."""
    a, b = np.uint8(one), np.uint8(other)
    for i in range(np.uint64(at), np.uint64(end)):
        if text[i] == a or text[i] == b:
            return np.int64(i)  # type: ignore[return-value]
    return end


@njit(cache=True, nogil=True)
def _number(block: np.ndarray, at: int, stop: int) -> int:
    """A whole number written in digits; -1 for anything else."""
    if at == stop or stop - at > 15:
        return -1
    value = 0
    for i in range(np.uint64(at), np.uint64(stop)):
        digit = np.int64(block[i]) - 48
        if digit > 9 or digit < 0:
            return -1
        value = 10 * value + digit  # type: ignore[assignment]
    return value


@njit(cache=True, nogil=True)
def _kind_of(block: np.ndarray, at: int, stop: int, table: np.ndarray, text: np.ndarray) -> int:
    for kind in range(table.shape[0]):
        low, high = table[kind, 0], table[kind, 1]
        if high - low != stop - at:
            continue
        same = True
        for i in range(stop - at):
            if text[low + i] != block[at + i]:
                same = False
                break
        if same:
            return kind
    return -1


@njit(cache=True, nogil=True)
def hash_of(text: np.ndarray, at: int, stop: int) -> tuple[int, int]:
    """Hash of text[at:stop], 64 bits (FNV-1a of its words of four bytes); and the bits SEVERAL_PARENTS and ESCAPED."""
    value = np.uint64(14695981039346656037)
    prime, eight = np.uint64(1099511628211), np.uint64(8)
    word = np.uint64(stop - at)
    marks = n_inside = 0
    for i in range(np.uint64(at), np.uint64(stop)):
        letter = text[i]
        word = (word << eight) | np.uint64(letter)
        n_inside += 1
        if n_inside == 4:
            value = (value ^ word) * prime
            word, n_inside = np.uint64(0), 0
        if letter == 44:
            marks |= SEVERAL_PARENTS
        elif letter == 37:
            marks |= ESCAPED
    value = (value ^ word) * prime
    return np.int64(value ^ (value >> np.uint64(29))), marks  # type: ignore[return-value]


@njit(cache=True, nogil=True)
def _scan(block: np.ndarray, state: np.ndarray, name: np.ndarray, kind_table: np.ndarray, kind_text: np.ndarray,
          tag_ends: np.ndarray, tag_text: np.ndarray, rows: np.ndarray) -> int:  # fmt: skip
    """Read lines until the block ends or something needs attention.

    ``state``: position in the block, line number, rows written, feature lines seen, and the span of what stopped the
    scan: a new sequence name or feature type, or a line that is not right.
    """
    at, line, n_rows, n_lines = state[0], state[1], state[2], state[3]
    tabs = np.empty(9, dtype=np.int64)
    code = _BLOCK_DONE
    while at < block.size:
        if block[at] == 35 or block[at] == 10 or block[at] == 13:
            if _begins(block, at, _FASTA_MARK):
                code = _FASTA
                break
            at = _find(block, at, block.size, 10, 10) + 1
            line += 1
            continue
        n_tabs, stop = 0, at
        while n_tabs < 8:
            stop = find_byte(block, stop, block.size, 9, 10)
            if block[stop] == 10:
                break
            tabs[n_tabs] = stop
            n_tabs += 1
            stop += 1
        end = stop = _find(block, stop, block.size, 10, 9)
        odd = n_tabs < 8 or block[end] != 10
        same = not odd and tabs[0] - at == name.size and _begins(block, at, name)
        if not odd and not same:
            state[4], state[5] = at, tabs[0]
            code = _NEW_NAME
            break
        if not odd:
            kind = _kind_of(block, tabs[1] + 1, tabs[2], kind_table, kind_text)
            if kind < 0:
                state[4], state[5] = tabs[1] + 1, tabs[2]
                code = _NEW_KIND
                break
            depth = kind_table[kind, 2]
            if depth > 0:
                while end > tabs[7] + 1 and block[end - 1] == 13:
                    end -= 1
                rows[n_rows, LINE], rows[n_rows, KIND] = line, kind
                odd = not _read(block, tabs, end, depth, tag_ends, tag_text, rows[n_rows])
                n_rows += not odd
        if odd:
            state[4], state[5] = at, stop if block[stop] == 10 else _find(block, stop, block.size, 10, 10)
            code = _ODD_LINE
            break
        n_lines += 1
        line += 1
        at = stop + 1
    state[0], state[1], state[2], state[3] = at, line, n_rows, n_lines
    return code


@njit(cache=True, nogil=True)
def _read(block: np.ndarray, tabs: np.ndarray, end: int, depth: int, tag_ends: np.ndarray, tag_text: np.ndarray,
          row: np.ndarray) -> bool:  # fmt: skip
    """Fill in one row; False where the line is not right."""
    start, stop = _number(block, tabs[2] + 1, tabs[3]), _number(block, tabs[3] + 1, tabs[4])
    strand, phase = block[tabs[5] + 1], block[tabs[6] + 1]
    if start < 1 or stop < start or tabs[6] - tabs[5] != 2 or tabs[7] - tabs[6] != 2:
        return False
    row[START], row[END] = start - 1, stop
    row[STRAND] = 1 if strand == 43 else -1 if strand == 45 else 0
    row[PHASE] = phase - 48 if phase != 46 else -1
    if (row[STRAND] == 0 and strand != 46 and strand != 63) or row[PHASE] < -1 or row[PHASE] > 2:
        return False
    row[TEXT], row[TEXT_END] = tabs[7] + 1, end
    return _read_attributes(block, tabs[7] + 1, end, depth, tag_ends, tag_text, row)


@njit(cache=True, nogil=True)
def _read_attributes(text: np.ndarray, at: int, end: int, depth: int, tag_ends: np.ndarray, tag_text: np.ndarray,
                     row: np.ndarray) -> bool:  # fmt: skip
    """ID, Parent and the tags of column 9; False where it is neither attributes nor a dot."""
    if end - at == 1 and text[at] == 46:
        row[ID : TAGS + 1] = 0
        return True
    row[ID : TAGS + 1] = 0
    found, has_value = 0, False
    while at < end:
        equals = find_byte(text, at, end, 61, 59)
        stop = find_byte(text, equals, end, 59, 59)
        if equals < stop:
            has_value = True
            if equals - at == 2 and text[at] == 73 and text[at + 1] == 68 and row[ID_END] == 0:
                row[ID], row[ID_END] = equals + 1, stop
                row[ID_HASH], marks = hash_of(text, equals + 1, stop)
                found |= marks & ESCAPED
            elif equals - at == 6 and text[at] == 80 and text[at + 1] == 97 and text[at + 5] == 116:
                if row[PARENT_END] == 0:
                    row[PARENT], row[PARENT_END] = equals + 1, stop
                    row[PARENT_HASH], marks = hash_of(text, equals + 1, stop)
                    found |= marks
            elif depth == ALL:
                found |= _tag_bit(text, at, equals, tag_ends, tag_text)
            if text[at] == 32:
                found |= BLANK
            if depth == LINKS and row[ID_END] > 0 and row[PARENT_END] > 0:
                break
        at = stop + 1
    row[TAGS] = found
    return has_value


@njit(cache=True, nogil=True)
def _tag_bit(text: np.ndarray, at: int, stop: int, tag_ends: np.ndarray, tag_text: np.ndarray) -> int:
    for tag in range(tag_ends.size - 1):
        low, high = tag_ends[tag], tag_ends[tag + 1]
        if high - low == stop - at and tag_text[low] == text[at]:
            same = True
            for i in range(1, stop - at):
                if tag_text[low + i] != text[at + i]:
                    same = False
                    break
            if same:
                return 1 << tag
    return 0
