"""Batches hold exactly the rows asked for; damaged or missing shards are named before and while training."""

from __future__ import annotations

import json
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine_shards import plain_rows, random_documents, row_of, write_shard, write_source

from bsm.base.config.training import Mix
from bsm.base.errors import InputError
from bsm.engine.loader import CACHED_ROW_GROUPS, Loader, ahead, held_out
from bsm.engine.sampler import Sampler
from bsm.engine.sources import read_sources

NAMES = {"pairs": "refseq", "proteins": "single", "web": "web"}


@pytest.fixture
def folder(tmp_path):
    for i, (name, group) in enumerate(NAMES.items()):
        write_source(tmp_path, name, group, 150 - 40 * i, n_valid=30)
    return tmp_path


def sources_of(folder, split="train"):
    return read_sources(sorted(folder.glob("*.manifest.json"), reverse=True), split)


def same(a, b):
    return all(np.array_equal(getattr(a, k), getattr(b, k)) for k in ("ids", "targets", "given", "source", "row")) \
        and a.row_names == b.row_names  # fmt: skip


def test_sources_say_what_the_manifests_say(folder):
    sources = sources_of(folder)
    assert [(s.name, s.group) for s in sources] == sorted(NAMES.items())
    for source in sources:
        rows = plain_rows(folder, source.name)
        assert (source.n_rows, source.n_tokens) == (len(rows), sum(row["n_tokens"] for row in rows))
        assert source.first_rows[-1] == source.n_rows and len(source.row_groups) == len(source.first_rows) - 1
        assert source.context_tokens == 64 and source.folder == folder / source.name


def test_a_batch_is_a_plain_reading_of_its_rows(folder):
    sources = sources_of(folder)
    loader, rng = Loader(sources), random.Random(1)
    tables = [plain_rows(folder, s.name) for s in sources]
    for _ in range(30):
        wanted = [(s, rng.randrange(sources[s].n_rows)) for s in rng.choices(range(3), k=rng.randrange(1, 9))]
        batch = loader.batch(wanted)
        ids, ends = [], []
        for s, r in wanted:
            row = tables[s][r]
            ends += [len(ids) + end for end in row["document_ends"]]
            ids += list(row["tokens"][: row["n_tokens"]])
        assert batch.ids.tolist() == ids and batch.document_ends.tolist() == ends
        assert batch.row_names == tuple(f"{sources[s].name}:{r}" for s, r in wanted)
        assert [batch.source[batch.row == i][0] for i in range(len(wanted))] == [s for s, _ in wanted]
    assert batch.sources == tuple((s.name, s.group) for s in sources)


def test_what_is_read_ahead_is_what_is_read(folder):
    sources = sources_of(folder)
    sampler = Sampler(sources, Mix(name="m", weights={"single": 1, "refseq": 1, "web": 1}), 1, 6)
    steps = [sampler.rows(step) for step in range(60)]
    found = list(ahead(steps, Loader(sources).batch))
    plain = Loader(sources)
    assert len(found) == 60 and all(same(a, plain.batch(rows)) for a, rows in zip(found, steps, strict=True))
    assert list(ahead([], Loader(sources).batch)) == []
    whole, parts = plain.batch(steps[0]), list(plain.batches(steps[0], 128))
    assert len(parts) == 3 and np.array_equal(whole.ids, np.concatenate([p.ids for p in parts]))


def test_memory_stays_within_the_stated_row_groups_and_each_is_read_once_a_pass(folder, monkeypatch):
    source = next(s for s in sources_of(folder) if s.name == "pairs")
    loader = Loader([source])
    sampler = Sampler([source], Mix(name="m", weights={"refseq": 1}), 1, 5)
    n_read = []
    opened = pq.ParquetFile.read_row_group
    monkeypatch.setattr(pq.ParquetFile, "read_row_group", lambda *a, **k: n_read.append(1) or opened(*a, **k))
    for step in range(source.n_rows // 5):
        loader.batch(sampler.rows(step))
        assert len(loader._cache[0]) <= CACHED_ROW_GROUPS
    assert len(n_read) == len(source.row_groups) > 2 * CACHED_ROW_GROUPS


def test_held_out_rows_are_the_same_for_every_caller_and_grow_by_adding(folder):
    for source in sources_of(folder, "valid"):
        tokens = [row["n_tokens"] for row in plain_rows(folder, source.name, "valid")]
        small, large = held_out(source, n_rows=5), held_out(source, n_rows=12)
        assert small == held_out(source, n_rows=5) == sorted(set(small)) and set(small) < set(large)
        assert len(small) == 5 and len(held_out(source, n_rows=1000)) == 30 == len(held_out(source))
        for budget in (1, 200, 700):
            rows = held_out(source, n_tokens=budget)
            assert len(rows) == 1 or sum(tokens[r] for r in rows) <= budget
            assert set(rows) <= set(held_out(source, n_tokens=budget + 64))
        assert held_out(source, n_tokens=10**9) == list(range(30))
        assert len(held_out(source, n_rows=3, n_tokens=10**9)) == 3


def test_a_source_without_rows_in_a_split_is_left_out(tmp_path):
    write_source(tmp_path, "all", "single", 10)
    write_source(tmp_path, "train_only", "single", 10, n_valid=0)
    assert [s.name for s in sources_of(tmp_path)] == ["all", "train_only"]
    assert [s.name for s in sources_of(tmp_path, "valid")] == ["all"]


def rewrite(folder, **changes):
    path = folder / "web.manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "web.manifest.json").write_text("{"), "not a manifest of shards"),
        (lambda f: (f / "web.manifest.json").write_text("{}"), "not a manifest of shards"),
        (lambda f: rewrite(f, context_tokens=128), "different context lengths"),
        (lambda f: rewrite(f, source="pairs"), "given twice"),
        (lambda f: rewrite(f, shards=[]), "contradicts itself"),
        (lambda f: (f / "web" / "train-00001.parquet").unlink(), r"train-00001\.parquet"),
        (lambda f: cut(f / "web" / "train-00000.parquet"), "not a readable shard"),
        (lambda f: shorten(f / "web" / "train-00000.parquet"), "manifest says 40 rows"),
        (lambda f: pq.write_table(pa.table({"tokens": ["a"]}), f / "web" / "train-00000.parquet"), "wrong column"),
        (lambda f: widen(f / "web" / "train-00000.parquet"), "wrong column"),
    ],
)  # fmt: skip
def test_what_does_not_fit_its_manifest_is_refused_before_the_first_step(folder, damage, message):
    damage(folder)
    with pytest.raises(InputError, match=message):
        sources_of(folder)


def test_a_missing_manifest_or_one_of_another_name_is_refused(folder):
    with pytest.raises(InputError, match="Run bsm shard first"):
        read_sources([folder / "absent.manifest.json"], "train")
    other = (folder / "web.manifest.json").rename(folder / "web.json")
    with pytest.raises(InputError, match="Name it"):
        read_sources([other], "train")


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def shorten(path):
    pq.write_table(pq.read_table(path).slice(0, 7), path)


def widen(path):
    table = pq.read_table(path)
    index = table.column_names.index("n_tokens")
    pq.write_table(table.set_column(index, "n_tokens", table["n_tokens"].cast(pa.int64())), path)


def damaged(folder, change):
    """A source of one shard whose second row ``change`` has altered."""
    manifest = write_source(folder, "s", "single", 4, n_valid=0)
    rows = plain_rows(folder, "s")
    change(rows[1])
    write_shard(folder / "s" / "train-00000.parquet", rows, 16)
    return read_sources([manifest], "train")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.update(tokens=r["tokens"][:-1]), "damaged shard"),
        (lambda r: r.update(tokens=b"\xff" + r["tokens"][1:]), "token id 255"),
        (lambda r: r.update(n_tokens=65), "outside the context"),
        (lambda r: r.update(n_tokens=r["n_tokens"] - 1), "do not end where the tokens end"),
        (lambda r: r.update(document_ends=[]), "do not end where the tokens end"),
        (lambda r: r.update(document_ends=None), "empty cells"),
        (lambda r: r.update(document_ends=[9, 3, r["n_tokens"]]), "do not ascend"),
        (lambda r: r.update(span_ends=[0, *r["span_ends"]]), "do not ascend"),
        (lambda r: r.update(span_modality=r["span_modality"][:-1]), "span_modality"),
        (lambda r: r.update(span_modality=[7] * len(r["span_modality"])), "span_modality"),
    ],
)
def test_rows_that_contradict_themselves_are_refused(tmp_path, change, message):
    loader = Loader(damaged(tmp_path, change))
    with pytest.raises(InputError, match=message):
        loader.batch([(0, 0)])


def test_damaged_pages_are_refused_also_when_read_ahead(tmp_path):
    manifest = write_source(tmp_path, "s", "single", 40, n_valid=0)
    path = tmp_path / "s" / "train-00000.parquet"
    data = bytearray(path.read_bytes())
    data[8:400] = bytes(392)
    path.write_bytes(data)
    loader = Loader(read_sources([manifest], "train"))
    with pytest.raises(InputError, match="damaged shard, row group 0"):
        list(ahead([[(0, 39)], [(0, 0)]], loader.batch))


def test_rows_that_do_not_exist_are_an_error_of_the_caller(folder):
    loader = Loader(sources_of(folder))
    for row in (-1, 150):
        with pytest.raises(IndexError):
            loader.batch([(0, row)])


def test_one_full_row_of_the_context_is_read_whole(tmp_path):
    manifest = write_source(tmp_path, "s", "single", 1, n_valid=0)
    full = row_of([[(1, "a" * 62)]], 64)
    write_shard(tmp_path / "s" / "train-00000.parquet", [full], 16)
    batch = Loader(read_sources([manifest], "train")).batch([(0, 0)])
    assert batch.n_tokens == 64 and batch.n_targets == 63
    assert random_documents(random.Random(1), 3)
