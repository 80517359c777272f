"""What a trainer reads: the shards of every source, checked against their manifests before the first step."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bsm.base.errors import InputError
from bsm.base.randomness import stable_hash64
from bsm.base.tables import SHARD_ROWS

Split = Literal["train", "valid"]
_SUFFIX = ".manifest.json"


@dataclass(frozen=True)
class ShardFile:
    """One Parquet file of a source and the rows of each of its row groups."""

    name: str
    n_rows: int
    n_tokens: int
    group_rows: tuple[int, ...]


@dataclass(frozen=True)
class ShardSource:
    """One split of one source. Rows are numbered from 0 through all its shards, in the manifest's order."""

    name: str
    group: str
    """single | refseq | gene | web: what a mix weighs."""
    folder: Path
    context_tokens: int
    n_rows: int
    n_tokens: int
    """Without padding."""
    content_sha256: str
    """Of the whole source, as the manifest states it."""
    shards: tuple[ShardFile, ...]
    split: Split

    @cached_property
    def first_rows(self) -> np.ndarray:
        """int64[n_row_groups + 1]: first row of every row group of the source, then the number of rows."""
        sizes = [rows for shard in self.shards for rows in shard.group_rows]
        return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

    @property
    def order_hash(self) -> str:
        """Of how the rows are cut into row groups: the order in which a sampler reads them follows from it."""
        return f"{stable_hash64(*self.first_rows.tolist()):016x}"

    @cached_property
    def row_groups(self) -> tuple[tuple[Path, int], ...]:
        """(file, row group inside the file) of every row group of the source."""
        return tuple((self.folder / s.name, index) for s in self.shards for index in range(len(s.group_rows)))


def read_sources(manifests: Iterable[Path | str], split: Split) -> list[ShardSource]:
    """Sources that have rows in ``split``, sorted by name.

    Shards lie beside their manifest: ``<source>/`` next to ``<source>.manifest.json``. Only footers are read.
    InputError for a missing or damaged manifest, a source given twice, a shard that is missing, truncated, of another
    schema or of another number of rows than the manifest says, and for sources of different context lengths.
    """
    sources: dict[str, ShardSource] = {}
    seen: dict[str, Path] = {}
    contexts: dict[int, Path] = {}
    for path in map(Path, manifests):
        manifest = _read_manifest(path)
        name = str(manifest["source"])
        if name in seen:
            raise InputError("a source is given twice", where=f"{seen[name]} and {path}", value=name,
                             way_out="Give each manifest once")  # fmt: skip
        seen[name] = path
        contexts.setdefault(int(manifest["context_tokens"]), path)
        if manifest["splits"][split]["n_rows"]:
            sources[name] = _source(path, manifest, split)
    if len(contexts) > 1:
        raise InputError("shards of different context lengths", where=", ".join(map(str, contexts.values())),
                         value=sorted(contexts), way_out="Run bsm shard again with one context_tokens")  # fmt: skip
    return [sources[name] for name in sorted(sources)]


def open_shard(path: Path) -> pq.ParquetFile:
    """A shard, its columns checked against SHARD_ROWS; InputError where it cannot be read as one."""
    try:
        parquet = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"not a readable shard: {error}", where=str(path), way_out="Delete it and run bsm shard again"
        ) from error
    found = parquet.schema_arrow
    wrong = [f.name for f in SHARD_ROWS if f.name not in found.names or not found.field(f.name).type.equals(f.type)]
    if wrong:
        raise InputError(f"missing or wrong column(s) {', '.join(wrong)}", where=str(path), value=found.names,
                         way_out="The file is no shard of this version; run bsm shard again")  # fmt: skip
    return parquet


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        _ = value["source"], value["group"], value["content_sha256"], int(value["context_tokens"])
        _ = [(shard["name"], int(shard["n_rows"]), int(shard["n_tokens"])) for shard in value["shards"]]
        _ = [int(value["splits"][split][key]) for split in ("train", "valid") for key in ("n_rows", "n_tokens")]
    except OSError as error:
        raise InputError(f"cannot read: {error.strerror}", where=str(path), way_out="Run bsm shard first") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError("not a manifest of shards", where=str(path), way_out="Run bsm shard again") from error
    if not path.name.endswith(_SUFFIX):
        raise InputError("the name of a manifest tells where its shards lie", where=str(path),
                         way_out=f"Name it <source>{_SUFFIX}, beside the folder <source>")  # fmt: skip
    return value  # type: ignore[no-any-return]


def _source(path: Path, manifest: dict[str, Any], split: Split) -> ShardSource:
    folder = path.with_name(path.name.removesuffix(_SUFFIX))
    shards = tuple(_shard(folder, s) for s in manifest["shards"] if str(s["name"]).startswith(f"{split}-"))
    totals = manifest["splits"][split]
    found = {"n_rows": sum(s.n_rows for s in shards), "n_tokens": sum(s.n_tokens for s in shards)}
    for key, value in found.items():
        if value != totals[key]:
            raise InputError(f"the manifest contradicts itself: {totals[key]} {key} of {split}", where=str(path),
                             value=value, way_out="Run bsm shard again")  # fmt: skip
    return ShardSource(
        str(manifest["source"]), str(manifest["group"]), folder, int(manifest["context_tokens"]), found["n_rows"],
        found["n_tokens"], str(manifest["content_sha256"]), shards, split,
    )  # fmt: skip


def _shard(folder: Path, entry: dict[str, Any]) -> ShardFile:
    footer = open_shard(folder / entry["name"]).metadata
    if footer.num_rows != entry["n_rows"]:
        raise InputError(f"the manifest says {entry['n_rows']} rows", where=str(folder / entry["name"]),
                         value=footer.num_rows, way_out="Run bsm shard again")  # fmt: skip
    group_rows = tuple(footer.row_group(index).num_rows for index in range(footer.num_row_groups))
    return ShardFile(str(entry["name"]), int(entry["n_rows"]), int(entry["n_tokens"]), group_rows)
