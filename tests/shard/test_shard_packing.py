"""Tokens and packing: round trips, every sample exactly once, no document split, rows never over-full."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shard_genes import letters, row, write_clean

from bsm.base.alphabet import PAD
from bsm.base.errors import InputError
from bsm.base.tables import SHARD_ROWS
from bsm.shard.batches import read_batches
from bsm.shard.pack import best_fit_decreasing, pack_rows
from bsm.shard.samples import joined_samples, number_windows
from bsm.shard.show import unpack
from bsm.shard.tokens import join_documents, tokenise
from bsm.shard.writer import ShardWriter, content_hash

ALPHABET = {"dna": "acgtn", "rna": "acgtn", "protein": "ACDEFGHIKLMNPQRSTVWYXUO"}
records = st.lists(
    st.lists(st.tuples(st.sampled_from(sorted(ALPHABET)), st.integers(1, 150)), min_size=1, max_size=5),
    min_size=1, max_size=30,
)  # fmt: skip


def corpus(path, shapes, seed=0):
    """A CLEAN table of random records, and its records as (id, [(modality, letters)])."""
    rng = random.Random(seed)
    made = [(f"r{i}", [(m, letters(rng, n, ALPHABET[m])) for m, n in shape]) for i, shape in enumerate(shapes)]
    write_clean(path, (row(name, m, text, piece=k) for name, pieces in made for k, (m, text) in enumerate(pieces)))
    return made


def plain_best_fit_decreasing(lengths, capacity):
    room, rows = [], [0] * len(lengths)
    for item in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        fits = [r for r in range(len(room)) if room[r] >= lengths[item]]
        if not fits:
            room.append(capacity)
            fits = [len(room) - 1]
        best = min(room[r] for r in fits)
        rows[item] = next(r for r in fits if room[r] == best)
        room[rows[item]] -= lengths[item]
    return rows, sorted(room)


@settings(deadline=None)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=200), st.integers(300, 400))
def test_packing_equals_a_plain_best_fit_decreasing(lengths, capacity):
    row_of, n_rows = best_fit_decreasing(np.array(lengths), capacity)
    _, room = plain_best_fit_decreasing(lengths, capacity)
    used = np.bincount(row_of, weights=lengths, minlength=n_rows).astype(int)
    assert sorted(capacity - used) == room  # ties between equally full rows may be broken otherwise


@settings(deadline=None, max_examples=60)
@given(shapes=records, context=st.integers(64, 200))
def test_unpacked_rows_hold_every_sample_once_letter_by_letter(tmp_path_factory, shapes, context):
    path = tmp_path_factory.mktemp("corpus") / "clean.parquet"
    made = corpus(path, shapes)
    (batch,) = read_batches(path)
    samples = joined_samples(batch.row_length, batch.first_row, context, chop=False)
    documents = tokenise(batch, samples)
    rows = pack_rows(documents, context, np.random.default_rng(0))
    assert rows.schema.equals(SHARD_ROWS)
    found = {name: pieces for name, _, pieces in unpack(rows)}
    assert len(found) == sum(len(ids) for ids in rows["record_ids"].to_pylist()) == samples.n_samples
    for name, pieces in made:
        windows = [k for k in found if k == name or k.startswith(f"{name}@")]
        windows.sort(key=lambda k: int(k.partition("@")[2] or 0))
        joined = [piece for k in windows for piece in found[k]]
        assert merge_cut(joined, pieces) == pieces
        whole = sum(len(text) for _, text in pieces) + len(pieces) + 1 <= context
        assert (windows == [name]) == whole


def merge_cut(windows, pieces):
    """Windows of one piece put together again, guided by the lengths of the pieces."""
    merged, todo = [], list(windows)
    for modality, text in pieces:
        built = ""
        while len(built) < len(text):
            piece_modality, part = todo.pop(0)
            assert piece_modality == modality
            built += part
        merged.append((modality, built))
    assert not todo
    return merged


@settings(deadline=None, max_examples=40)
@given(shapes=records, context=st.integers(64, 200))
def test_rows_keep_their_own_books(tmp_path_factory, shapes, context):
    path = tmp_path_factory.mktemp("corpus") / "clean.parquet"
    corpus(path, shapes)
    (batch,) = read_batches(path)
    documents = tokenise(batch, joined_samples(batch.row_length, batch.first_row, context, chop=True))
    for packed in pack_rows(documents, context, np.random.default_rng(0)).to_pylist():
        tokens = np.frombuffer(packed["tokens"], dtype=np.uint8)
        assert len(tokens) == context
        assert packed["n_tokens"] == packed["document_ends"][-1] == packed["span_ends"][-1]
        assert (tokens[packed["n_tokens"] :] == PAD).all() and (tokens[: packed["n_tokens"]] != PAD).all()
        assert all(a < b for a, b in zip([0, *packed["span_ends"]], packed["span_ends"], strict=False))
        modality = np.repeat(packed["span_modality"], np.diff(packed["span_ends"], prepend=0))
        assert ((modality == 0) == (tokens[: packed["n_tokens"]] < 5)).all()
        assert all(a != b for a, b in zip(packed["span_modality"], packed["span_modality"][1:], strict=False))


def test_web_documents_are_cut_between_sequences_and_long_sequences_stand_alone():
    samples = joined_samples(np.array([30, 30, 30, 150, 10]), np.array([0, 5]), 64, chop=False)
    pieces = list(zip(samples.row, samples.start, samples.length, strict=True))
    split = [pieces[a:b] for a, b in zip(samples.offsets, samples.offsets[1:], strict=False)]
    assert split == [
        [(0, 0, 30), (1, 0, 30)], [(2, 0, 30)], [(3, 0, 62)], [(3, 62, 62)], [(3, 124, 26)], [(4, 0, 10)],
    ]  # fmt: skip
    assert samples.window.tolist() == [0, 1, 2, 3, 4, 5]


def test_chopping_fills_every_window_of_a_record_but_the_last():
    samples = joined_samples(np.array([30, 30, 30, 150, 10]), np.array([0, 5]), 64, chop=True)
    n_tokens = samples.n_tokens()
    assert (n_tokens[:-1] >= 63).all() and n_tokens.max() <= 64 and samples.n_letters().sum() == 250


def test_windows_are_numbered_inside_their_record():
    assert number_windows(np.array([4, 5, 5, 5, 9])).tolist() == [-1, 0, 1, 2, -1]


def test_a_record_at_the_border_of_two_row_groups_stays_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("bsm.base.tables.ROW_GROUP_ROWS", 4)
    made = corpus(tmp_path / "c.parquet", [[("dna", 20)] * 3] * 7)
    batches = list(read_batches(tmp_path / "c.parquet"))
    assert len(batches) > 3
    found = []
    for batch in batches:
        for i in range(batch.n_records):
            rows = range(batch.first_row[i], batch.first_row[i + 1])
            found.append((batch.record_ids[i].as_py(), [("dna", batch.sequence(r)) for r in rows]))
    assert found == made


def test_letters_of_another_modality_are_refused_with_the_record_named(tmp_path):
    write_clean(tmp_path / "c.parquet", [row("good", "dna", "acgt"), row("upper", "dna", "ACGT")])
    (batch,) = read_batches(tmp_path / "c.parquet")
    with pytest.raises(InputError, match=r"upper: letters that do not belong to the modality \(found 'ACGT'\)"):
        tokenise(batch, joined_samples(batch.row_length, batch.first_row, 64, chop=False))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"modality": "peptide"}, "unknown value"),
        ({"split": None}, "rows without split"),
        ({"sequence": ""}, "without letters"),
    ],
)
def test_a_corpus_that_breaks_its_schema_is_refused(tmp_path, change, message):
    write_clean(tmp_path / "c.parquet", [row("a", "dna", "acgt"), row("b", "dna", "acgt") | change])
    with pytest.raises(InputError, match=message):
        list(read_batches(tmp_path / "c.parquet"))


def packed(tmp_path, n_records, seed=0):
    corpus(tmp_path / "c.parquet", [[("protein", 100)]] * n_records, seed)
    (batch,) = read_batches(tmp_path / "c.parquet")
    documents = tokenise(batch, joined_samples(batch.row_length, batch.first_row, 128, chop=False))
    return pack_rows(documents, 128, np.random.default_rng(0))


@pytest.mark.parametrize(("n_rows", "sizes"), [(7, [7]), (10, [10]), (11, [6, 5]), (20, [10, 10]), (23, [10, 7, 6])])
def test_shards_are_even_and_none_is_tiny(tmp_path, n_rows, sizes):
    rows = packed(tmp_path, n_rows)
    writer = ShardWriter(tmp_path, "train", 10, 128)
    for start in range(0, n_rows, 3):
        writer.add(rows.slice(start, 3))
    shards = writer.finish()
    assert [s.n_rows for s in shards] == sizes
    assert [s.name for s in shards] == [f"train-{i:05d}.parquet" for i in range(len(sizes))]
    read = [pq.read_table(tmp_path / s.name) for s in shards]
    assert pa.concat_tables(read).equals(rows)
    assert [content_hash([table]) for table in read] == [s.content_sha256 for s in shards]


def test_the_content_hash_sees_every_change_and_no_chunk(tmp_path):
    rows = packed(tmp_path, 9)
    hashes = {content_hash([rows]), content_hash([rows.slice(0, 4), rows.slice(4)])}
    assert len(hashes) == 1
    for name in rows.column_names:
        changed = rows.to_pylist()
        changed[5][name] = changed[4][name] if name != "n_tokens" else 1
        if changed[5][name] != rows[name][5].as_py():
            hashes.add(content_hash([pa.Table.from_pylist(changed, schema=SHARD_ROWS)]))
    assert len(hashes) == 4  # tokens, n_tokens and record_ids differ between rows 4 and 5


def test_joined_documents_are_those_of_their_batches(tmp_path):
    parts = []
    for seed in (1, 2):
        corpus(tmp_path / "c.parquet", [[("dna", 40), ("protein", 20)]] * 5, seed)
        (batch,) = read_batches(tmp_path / "c.parquet")
        parts.append(tokenise(batch, joined_samples(batch.row_length, batch.first_row, 128, chop=False)))
    texts = Counter(t for part in parts for _, t, _ in unpack(pack_rows(part, 128, np.random.default_rng(0))))
    joined = pack_rows(join_documents(parts), 128, np.random.default_rng(0))
    assert Counter(text for _, text, _ in unpack(joined)) == texts
