"""What ``--explain`` prints: per document what was found, as what, and why other candidates were refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bsm.interleave.detect import Hit

_SHOWN_LETTERS = 40
_SHORT = 10
"""Refused words shorter than this are not worth a line."""


def explanation(document_id: str, hits: Sequence[Hit]) -> str:
    """A few lines of text, one per candidate in reading order."""
    found = [hit for hit in hits if not hit.reason]
    kinds = Counter(str(hit.modality) for hit in found)
    refused = Counter(hit.reason for hit in hits if hit.reason)
    lines = [f"{document_id}: {_listed(kinds) or 'no sequence'}; refused: {_listed(refused) or 'nothing'}"]
    lines += [_line(hit) for hit in hits if not hit.reason or len(hit.shown) >= _SHORT]
    return "\n".join(lines)


def _line(hit: Hit) -> str:
    what = f"{hit.modality} of {len(hit.sequence)} letters" if not hit.reason else f"refused: {hit.reason}"
    letters = hit.shown[:_SHOWN_LETTERS] + ("..." if len(hit.shown) > _SHOWN_LETTERS else "")
    return f"  {hit.start}-{hit.end}  {hit.layout}  {what}  {letters}"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{n} {name}" for name, n in sorted(counts.items()))
