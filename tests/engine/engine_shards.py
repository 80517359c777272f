"""Shards for tests of the engine: random packed documents under their manifest, and a plain reader of them."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from bsm.base.alphabet import BOS, EOS, PAD, SEP, TOKEN_IDS
from bsm.base.tables import SHARD_ROWS, TableWriter

Document = list[tuple[int, str]]
"""Pieces as (modality code, letters)."""
_ALPHABETS = {1: "acgt", 2: "acgt", 3: "ACDEFGHIKLMNPQRSTVWY"}


def random_documents(rng: random.Random, budget: int, modalities: Sequence[int] = (1, 2, 3)) -> list[Document]:
    """At least one document; together at most ``budget`` tokens with their special tokens."""
    documents: list[Document] = []
    while budget >= 3:
        document: Document = []
        for _ in range(rng.randrange(1, 4)):
            length = rng.randrange(1, 13)
            if length + 1 + (not document) > budget:
                break
            code = rng.choice(list(modalities))
            document.append((code, "".join(rng.choices(_ALPHABETS[code], k=length))))
            budget -= length + 1 + (len(document) == 1)
        if not document:
            break
        documents.append(document)
    return documents or [[(modalities[0], _ALPHABETS[modalities[0]][0])]]


def row_of(documents: Sequence[Document], context_tokens: int) -> dict[str, Any]:
    """One row of SHARD_ROWS; neighbouring special tokens are one span, as the shard stage writes them."""
    tokens: list[int] = []
    of_token: list[int] = []
    ends: list[int] = []
    for document in documents:
        for index, (code, letters) in enumerate(document):
            tokens += [SEP if index else BOS, *(TOKEN_IDS[letter] for letter in letters)]
            of_token += [0, *[code] * len(letters)]
        tokens.append(EOS)
        of_token.append(0)
        ends.append(len(tokens))
    spans = [i + 1 for i, code in enumerate(of_token) if i + 1 == len(of_token) or of_token[i + 1] != code]
    return {
        "tokens": bytes(tokens + [PAD] * (context_tokens - len(tokens))), "n_tokens": len(tokens),
        "document_ends": ends, "span_ends": spans, "span_modality": [of_token[end - 1] for end in spans],
        "record_ids": [f"r{i}" for i in range(len(documents))],
    }  # fmt: skip


def write_source(
    folder: Path, name: str, group: str, n_rows: int, n_valid: int = 3, context_tokens: int = 64,
    rows_per_shard: int = 40, rows_per_group: int = 16, seed: int = 0, modalities: Sequence[int] = (1, 2, 3),
    tokens_per_row: tuple[int, int] | None = None,
) -> Path:  # fmt: skip
    """Shards of random rows, filled with tokens between two bounds, and their manifest, whose path is returned."""
    rng = random.Random(f"{name}{seed}")
    shards, splits = [], {}
    (folder / name).mkdir(parents=True, exist_ok=True)
    for split, n in (("train", n_rows), ("valid", n_valid)):
        rows = [
            row_of(
                random_documents(rng, rng.randrange(*tokens_per_row or (12, context_tokens)), modalities),
                context_tokens,
            )
            for _ in range(n)
        ]
        for number, start in enumerate(range(0, n, rows_per_shard)):
            part = rows[start : start + rows_per_shard]
            shard = f"{split}-{number:05d}.parquet"
            write_shard(folder / name / shard, part, rows_per_group)
            n_tokens = sum(row["n_tokens"] for row in part)
            shards.append({"name": shard, "n_rows": len(part), "n_tokens": n_tokens, "content_sha256": "0" * 64})
        splits[split] = {"n_rows": n, "n_tokens": sum(row["n_tokens"] for row in rows)}
    manifest = folder / f"{name}.manifest.json"
    value = {"source": name, "group": group, "context_tokens": context_tokens, "splits": splits, "shards": shards}
    manifest.write_text(json.dumps(value | {"content_sha256": "1" * 64}))
    return manifest


def write_shard(path: Path, rows: Sequence[dict[str, Any]], rows_per_group: int) -> None:
    with TableWriter(path, SHARD_ROWS) as writer:
        for start in range(0, len(rows), rows_per_group):
            for row in rows[start : start + rows_per_group]:
                writer.add(row)
            writer.flush()


def plain_rows(folder: Path, name: str, split: str = "train") -> list[dict[str, Any]]:
    """All rows of a split, read the slow way."""
    return [row for path in sorted((folder / name).glob(f"{split}-*")) for row in pq.read_table(path).to_pylist()]
