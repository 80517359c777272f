"""Material for tests of measurements by likelihood: a small network, benchmark items, shards of given documents."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from bsm.base.alphabet import MODALITY_CODES
from bsm.base.benchmarks import TASKS
from bsm.base.tables import SHARD_ROWS, write_table
from bsm.engine.network import Network, Shape, initial_network
from bsm.engine.scorer import Piece, document
from bsm.evaluate.common import CheckpointTag
from bsm.evaluate.items import Dataset, Item

TAG = CheckpointTag("small", "mixed", "round3")
AMINO_ACIDS, NUCLEOTIDES = "ACDEFGHIKLMNPQRSTVWY", "acgt"


def uneven_network(seed: int = 1) -> Network:
    """A small network with large random weights, so that its predictions differ from letter to letter."""
    network = initial_network(Shape(n_layers=2, n_heads=2, width=24, d_ff=40, qk_norm=True), seed)
    for parameter in network.parameters():
        if parameter.ndim > 1:
            parameter.data *= 8
    return network.requires_grad_(False)


def letters_of(rng: np.random.Generator, alphabet: str, n: int) -> str:
    return "".join(rng.choice(list(alphabet), n))


def item(item_id: str, **columns) -> Item:
    empty = dict.fromkeys(Item.__slots__) | {"item_id": item_id, "split": "test", "id_a": item_id}
    return Item(**(empty | columns))


def dataset_of(task: str, items: Iterable[Item]) -> Dataset:
    return Dataset(TASKS[task], "some_data", tuple(items), TASKS[task].labels)


def write_source(
    folder: Path, name: str, group: str, rows: Sequence[Sequence[Sequence[Piece]]], context_tokens: int = 256,
    train: Sequence[Sequence[Sequence[Piece]]] = (),
) -> Path:  # fmt: skip
    """Shards whose held-out and training rows hold the given documents; returns the manifest."""
    totals, shards = {}, []
    for split, documents_of_rows in (("train", train), ("valid", rows)):
        written = [_row(documents, context_tokens) for documents in documents_of_rows]
        totals[split] = {"n_rows": len(written), "n_tokens": sum(row["n_tokens"] for row in written)}
        if written:
            shards.append({"name": f"{split}-00000.parquet", **totals[split]})
            write_table(folder / name / f"{split}-00000.parquet", written, SHARD_ROWS)
    manifest = folder / f"{name}.manifest.json"
    manifest.write_text(json.dumps({
        "source": name, "group": group, "context_tokens": context_tokens, "content_sha256": "0" * 64,
        "splits": totals, "shards": shards,
    }))  # fmt: skip
    return manifest


def _row(documents: Sequence[Sequence[Piece]], context_tokens: int) -> Mapping[str, object]:
    tokens = b"".join(document(pieces).tobytes() for pieces in documents)
    kinds: list[int] = []
    for pieces in documents:
        kinds += [kind for modality, sequence in pieces for kind in (0, *[MODALITY_CODES[modality]] * len(sequence))]
        kinds.append(0)  # <eos>
    ends = [i + 1 for i in range(len(kinds)) if i + 1 == len(kinds) or kinds[i + 1] != kinds[i]]
    return {
        "tokens": tokens.ljust(context_tokens, b"\0"),
        "n_tokens": len(tokens),
        "document_ends": np.cumsum([len(document(pieces)) for pieces in documents]).tolist(),
        "span_ends": ends,
        "span_modality": [kinds[end - 1] for end in ends],
        "record_ids": [str(i) for i in range(len(documents))],
    }
