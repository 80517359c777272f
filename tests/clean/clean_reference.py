"""Slow plain references: no seeds, no heuristics, another algorithm than the product's."""

from __future__ import annotations

import numpy as np
from Bio.Seq import Seq


def edits_in(item: str, text: str) -> int:
    """Fewest edits that turn ``item`` into some substring of ``text`` (Sellers 1980), one row per item letter."""
    letters = np.frombuffer(text.encode(), np.uint8)
    positions = np.arange(letters.size + 1)
    row = np.zeros(letters.size + 1, dtype=np.int64)
    for code in item.encode():
        new = row + 1
        new[1:] = np.minimum(new[1:], row[:-1] + (letters != code))
        row = np.minimum.accumulate(new - positions) + positions
    return int(row.min())


def edits_between(a: str, b: str) -> int:
    """Edit distance of two whole strings: Sellers with text gaps paid at both ends."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        new = [i]
        for j, y in enumerate(b, 1):
            new.append(min(row[j] + 1, new[-1] + 1, row[j - 1] + (x != y)))
        row = new
    return row[-1]


def stands_in(item: str, record: str, identity: float, coverage: float) -> bool:
    """Whether the first, middle or last ``coverage`` of the item stands in the record, on either strand, with at most
    (1 - identity) of its letters edited."""
    n = int(np.ceil(coverage * len(item)))
    texts = [record, str(Seq(record).reverse_complement())] if record.islower() else [record]
    parts = {item[start : start + n] for start in (0, (len(item) - n) // 2, len(item) - n)}
    return any(edits_in(part, text) <= (1 - identity) * len(part) for part in parts for text in texts)


def frames(record: str, table_id: int = 1) -> list[str]:
    """Biopython's translation of the six frames."""
    strands = (record, str(Seq(record).reverse_complement()))
    return [str(Seq(s[f : f + (len(s) - f) // 3 * 3]).translate(table=table_id)) for s in strands for f in range(3)]
