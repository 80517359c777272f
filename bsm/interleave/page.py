"""A document as plain lines: markup, entities and odd blanks taken out, every character traceable to the text."""

from __future__ import annotations

import bisect
import html
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_NOTHING, _BREAK = "\x00", "\x01"
_INLINE_TAGS = frozenset({
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font", "i", "ins", "kbd",
    "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "tt", "u", "var", "wbr",
})  # fmt: skip
_JOINTS = "|".join((
    r"[ \t]*\.[ \t]*(?:\r?\n)?",  # Perl, PHP
    r"[ \t]*(?:\*|&(?: _)?|\.\.\.?)[ \t]*\r?\n",  # Julia, Basic, Lua and Matlab, at the end of a line
    r"[ \t]*\r?\n[ \t]*(?:\*|&|\.\.?)",  # and at the start of the next
    r";?[ \t]*\r?\n[ \t]*\$?\w+[ \t]*[.+*&]=",  # a value that grows by one statement a line
))  # fmt: skip
"""What stands between two literals that a program joins."""
_MARKUP = re.compile(
    r"<!--.{0,4000}?-->"
    r"|</?(?P<tag>[A-Za-z][\w:.-]{0,30})(?=[\s/>])[^<>]*>"
    r"|&(?P<entity>[A-Za-z]{2,8}|#\d{1,6}|#x[0-9A-Fa-f]{1,5});"
    r"|\\(?P<escape>[nrt])(?![a-z])"
    r"|[\"'](?:[ \t]*\\?\r?\n?[ \t]*\+\+?[ \t]*\\?\r?\n?|[ \t]*\\\r?\n)[ \t]*[\"']"
    rf"|(?<=[A-Za-z]{{4}})[\"'](?:{_JOINTS})[ \t]*[\"'](?=[A-Za-z])"
    r"|(?<=[A-Za-z]{4})\\\r?\n[ \t]*(?=(?:[acgtun]+|[A-Z]+)(?:[\s\"';,)\\]|\Z))",
    re.DOTALL,
)
_BLANKS = str.maketrans(
    {**dict.fromkeys("\t\r\x0b\x0c\xa0\u2002\u2003\u2007\u2009\u202f\u3000", " "),
     **dict.fromkeys("\xad\u200b\u200c\u200d\u2060\ufeff", _NOTHING)}
)  # fmt: skip
_NOT_TAGS = frozenset({"mask", "unk", "pad", "cls", "eos", "bos", "sep"})
"""Tokens of language models: text, not markup."""
_ATTRIBUTE_LETTERS = re.compile(r"=\s*[\"'][^\"']*?(?:[ACGTUNacgtun]{10}|[A-Z]{10})")
_REPEATED_BREAKS = re.compile(f"{_BREAK}[{_NOTHING}{_BREAK} ]*{_BREAK}")


@dataclass(frozen=True)
class Page:
    """``text`` is what is parsed; ``starts`` are its lines; ``offsets`` lead back (None: nothing was taken out)."""

    text: str
    starts: list[int]
    offsets: np.ndarray | None
    rows: dict[int, Any] = field(default_factory=dict, repr=False)
    tops: dict[int, int] = field(default_factory=dict, repr=False)
    """What was already read from a line, and the first line of its run of letter lines (bsm.interleave.rows)."""
    memo: dict[Any, Any] = field(default_factory=dict, repr=False)
    """What was already read below a PHYLIP header (phylip), and lines that are no listed rows (alignments)."""

    @property
    def n_lines(self) -> int:
        return len(self.starts) - 1

    def line(self, index: int) -> str:
        """Line without its end; empty outside the page."""
        return self.text[self.starts[index] : self.starts[index + 1] - 1] if 0 <= index < self.n_lines else ""

    def line_at(self, position: int) -> int:
        return bisect.bisect_right(self.starts, position) - 1

    def span(self, start: int, end: int) -> tuple[int, int]:
        """A span of ``text`` as a span of the document."""
        if self.offsets is None:
            return start, end
        return int(self.offsets[start]), int(self.offsets[end - 1]) + 1


def page_of(document: str) -> Page:
    """Lay a document out as lines.

    Inline tags and soft hyphens vanish (``ATG<b>GCC</b>`` is one word), and so does what joins two strings of a
    program (``'ATG' + 'GCC'``). Other tags and ``\\n`` escapes end a line, entities become their character, every
    kind of blank becomes a blank. A tag whose attribute may be a sequence stays.
    """
    masked = _MARKUP.sub(_mask, document).translate(_BLANKS)
    if _BREAK in masked:
        masked = _REPEATED_BREAKS.sub(lambda m: _NOTHING * (len(m[0]) - 1) + _BREAK, masked).replace(_BREAK, "\n")
    offsets = None
    if _NOTHING in masked:
        codes = np.frombuffer(masked.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        offsets = np.flatnonzero(codes)
        masked = masked.replace(_NOTHING, "")
    starts = [0, *(m.end() for m in re.finditer("\n", masked)), len(masked) + 1]
    return Page(masked, starts, offsets)


def _mask(match: re.Match[str]) -> str:
    """Replacement of the same length."""
    length = len(match[0])
    tag, entity, escape = match["tag"], match["entity"], match["escape"]
    if tag:
        return _mask_tag(match[0], tag.lower())
    if entity:
        character = html.unescape(match[0])
        return (character if len(character) == 1 and character not in _BREAK else " ").ljust(length, _NOTHING)
    if escape:
        return _NOTHING + (_BREAK if escape == "n" else " ")
    return _NOTHING * length


def _mask_tag(text: str, tag: str) -> str:
    if tag in _NOT_TAGS:
        return text
    if _ATTRIBUTE_LETTERS.search(text):  # the value of an attribute may be a sequence: only the tag's end is markup
        inside = text.rstrip("/> \t\r\n")
        return inside + _NOTHING * (len(text) - len(inside) - 1) + _BREAK
    return _NOTHING * len(text) if tag in _INLINE_TAGS else _NOTHING * (len(text) - 1) + _BREAK
