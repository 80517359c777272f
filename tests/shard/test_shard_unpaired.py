"""The control ``unpaired``: the pieces of the source, each once, and no two of one gene in a document."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shard_genes import random_gene, row, write_clean

from bsm.base.alphabet import MODALITY_CODES
from bsm.base.config.data import ShardSettings
from bsm.base.errors import ConfigError
from bsm.base.tables import SHARD_ROWS, read_table
from bsm.cli import main
from bsm.shard import build
from bsm.shard.build import build_shards
from bsm.shard.show import unpack
from bsm.shard.tokens import Documents
from bsm.shard.unpaired import unpair

CODES = {str(m): code for m, code in MODALITY_CODES.items()}


def shard(folder, rows, unpaired, group="refseq", **more):
    """(manifest, [(split, id, pieces)] of every document)."""
    corpus = write_clean(folder / "clean.parquet", rows)
    out = folder / ("unpaired" if unpaired else "true")
    value = build_shards(
        corpus, "s", group, ShardSettings(**more), out, out.with_suffix(".json"), out.with_suffix(".csv"), unpaired
    )
    found = [
        (path.name.partition("-")[0], record_id, pieces)
        for path in sorted(out.iterdir())
        for record_id, _, pieces in unpack(read_table(path, SHARD_ROWS))
    ]
    return value, found


def genes(n, n_aa=60, **more):
    return [
        r
        for i in range(n)
        for r in random_gene(i, n_aa, n_introns=2, max_intron=80).rows(f"r{i}", gene_id=f"g{i // 2}", **more)
    ]


def pieces_of(found):
    return Counter((split, *piece) for split, _, pieces in found for piece in pieces)


def gene_of(record_id):
    return int(record_id.partition("@")[0][2 if record_id.startswith("v") else 1 :]) // 2


@pytest.mark.parametrize(("window", "context"), [("tile", 128), ("tile", 256), ("centre", 256), ("tile", 2048)])
def test_the_pieces_are_those_of_the_source_and_no_document_has_two_of_one_gene(tmp_path, window, context):
    rows = genes(60) + [r | {"record_id": "v" + r["record_id"], "split": "valid"} for r in genes(20)]
    true, paired = shard(tmp_path, rows, False, window=window, context_tokens=context)
    control, found = shard(tmp_path, rows, True, window=window, context_tokens=context)
    assert pieces_of(found) == pieces_of(paired)
    n_alone = control["n_pieces_left_alone"]
    assert len(found) == len(paired) + n_alone
    assert n_alone <= 6  # where windows are full, the longest piece of a modality and split fits nowhere else
    for split, record_ids, pieces in found:
        origins = record_ids.split("+")
        assert len(origins) == len(pieces)
        assert len({gene_of(name) for name in origins}) == len(origins)
        assert all(name.startswith("v") == (split == "valid") for name in origins)
    for split in ("train", "valid"):
        letters = {k: v for k, v in true["splits"][split]["n_tokens_by_modality"].items() if k != "special"}
        assert letters.items() <= control["splits"][split]["n_tokens_by_modality"].items()
        assert control["splits"][split]["n_documents"] == sum(s == split for s, _, _ in found)
    assert control["unpaired"] is True and "unpaired" not in true


def test_the_first_piece_of_a_document_stays_and_the_format_too(tmp_path):
    rows = genes(60)
    _, paired = shard(tmp_path, rows, False, context_tokens=2048)
    _, found = shard(tmp_path, rows, True, context_tokens=2048)
    true = {record_id: pieces for _, record_id, pieces in paired}
    for _, record_ids, pieces in found:
        kept = true[record_ids.split("+")[0]]
        assert pieces[0] == kept[0]
        assert [modality for modality, _ in pieces] == [modality for modality, _ in kept]


def test_the_same_corpus_gives_the_same_control_and_other_seeds_another(tmp_path):
    rows = genes(40)
    first = shard(tmp_path, rows, True, context_tokens=512)
    assert shard(tmp_path, rows, True, context_tokens=512) == first
    assert shard(tmp_path, rows, True, context_tokens=512, seed=2)[1] != first[1]


def test_several_buffers_hold_every_piece_once(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "BUFFER_TOKENS", 4000)
    monkeypatch.setattr("bsm.base.tables.ROW_GROUP_ROWS", 50)
    rows = genes(80)
    _, paired = shard(tmp_path, rows, False, context_tokens=1024)
    control, found = shard(tmp_path, rows, True, context_tokens=1024)
    assert pieces_of(found) == pieces_of(paired)
    assert control["n_pieces_left_alone"] < 10


def test_a_single_gene_falls_apart_into_its_pieces(tmp_path):
    _, paired = shard(tmp_path, genes(2), False, context_tokens=2048)
    control, found = shard(tmp_path, genes(2), True, context_tokens=2048)
    assert pieces_of(found) == pieces_of(paired)
    assert all(len(pieces) == 1 for _, _, pieces in found) and control["n_pieces_left_alone"] > 0


def test_records_of_one_family_never_meet(tmp_path):
    rows = [r | {"gene_id": None, "group_id": f"family{i % 3}"} for i in range(30)
            for r in random_gene(i, 40).rows(f"r{i}")]  # fmt: skip
    _, found = shard(tmp_path, rows, True, context_tokens=2048)
    for _, record_ids, _ in found:
        families = [int(name[1:]) % 3 for name in record_ids.split("+")]
        assert len(set(families)) == len(families)


def test_groups_without_genes_are_refused(tmp_path, capsys):
    with pytest.raises(ConfigError, match="only pieces of genes"):
        shard(tmp_path, [row("a", "dna", "acgt")], True, group="web")
    assert not (tmp_path / "unpaired").exists()
    out = str(tmp_path / "out")
    arguments = ["shard", "--unpaired", "--corpus", str(write_clean(tmp_path / "c.parquet", genes(10))), "--out", out]
    arguments += ["--source-name", "s", "--counts", str(tmp_path / "c.csv"), "--manifest", str(tmp_path / "m.json")]
    assert main([*arguments, "--group", "single"]) == 1
    assert "refseq and gene" in capsys.readouterr().err
    assert main([*arguments, "--group", "gene", "--settings", '{"context_tokens": 2048}']) == 0
    assert "0 pieces without a partner of another gene" in capsys.readouterr().out
    assert json.loads((tmp_path / "m.json").read_text())["unpaired"] is True


@st.composite
def documents_of_pieces(draw):
    """(pieces of each document as (code, letters), gene of each document, context)."""
    document = st.lists(st.tuples(st.sampled_from([1, 2, 3]), st.integers(1, 12)), min_size=1, max_size=4)
    found = draw(st.lists(document, min_size=1, max_size=12))
    longest = max(sum(n for _, n in pieces) + len(pieces) + 1 for pieces in found)
    return found, [draw(st.integers(0, 4)) for _ in found], longest + draw(st.integers(0, 8))


@settings(max_examples=200, deadline=None)
@given(documents_of_pieces())
def test_any_documents_are_exchanged_within_the_context(case):
    shapes, genes_of, context = case
    letter = iter(range(10**9))
    tokens, ends, modality, n_tokens, n_spans, pieces = [], [], [], [], [], []
    for shape in shapes:
        inside, first_span = [1], len(ends)
        ends.append(1)
        modality.append(0)
        for i, (code, length) in enumerate(shape):
            letters = [5 + next(letter) % 28 for _ in range(length)]
            pieces.append((code, bytes(letters)))
            inside += letters
            ends.append(len(inside))
            inside.append(2 if i == len(shape) - 1 else 3)
            ends.append(len(inside))
            modality += [code, 0]
        tokens += inside
        n_tokens.append(len(inside))
        n_spans.append(len(ends) - first_span)
    documents = Documents(
        np.array(tokens, dtype=np.uint8), np.cumsum([0, *n_tokens]), np.cumsum([0, *n_spans]),
        np.array(ends, dtype=np.int32), np.array(modality, dtype=np.int8),
        pa.array([str(i) for i in range(len(shapes))]),
    )  # fmt: skip
    kin = np.array([[100 + g] for g in genes_of], dtype=np.uint64)
    made, n_alone = unpair(documents, kin, context, np.random.default_rng(0))
    assert made.n_documents == len(shapes) + n_alone and made.lengths().max() <= context
    found = []
    for i in range(made.n_documents):
        text = made.tokens[made.offsets[i] : made.offsets[i + 1]]
        spans = slice(made.span_offsets[i], made.span_offsets[i + 1])
        bounds = [0, *made.span_ends[spans].tolist()]
        assert bounds[-1] == len(text)
        runs = list(zip(made.span_modality[spans].tolist(), bounds, bounds[1:], strict=False))
        assert [text[a:b].tolist() for code, a, b in runs if not code] == [[1], *[[3]] * (len(runs) // 2 - 1), [2]]
        assert [code == 0 for code, _, _ in runs] == [j % 2 == 0 for j in range(len(runs))]
        found += [(code, text[a:b].tobytes()) for code, a, b in runs if code]
        origins = [genes_of[int(name)] for name in made.ids[i].as_py().split("+")]
        assert len(origins) == len(runs) // 2 and len(set(origins)) == len(origins)
    assert Counter(found) == Counter(pieces)
