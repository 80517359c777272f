"""Targets, modality and what stood before, against a plain reading of the documents token by token."""

from __future__ import annotations

import random

import numpy as np
import torch
from engine_shards import random_documents, row_of
from hypothesis import given, settings
from hypothesis import strategies as st

from bsm.engine.batch import NO_TARGET, Batch, Row, batch_of_rows

SOURCES = (("a", "single"), ("b", "refseq"), ("c", "web"))


def row_and_documents(seed, source, budget=90, context=96):
    documents = random_documents(random.Random(seed), budget)
    value = row_of(documents, context)
    row = Row(
        source, f"{SOURCES[source][0]}:{seed}", np.frombuffer(value["tokens"], np.uint8)[: value["n_tokens"]],
        np.array(value["document_ends"], np.int32), np.array(value["span_ends"], np.int32),
        np.array(value["span_modality"], np.int8),
    )  # fmt: skip
    return row, documents


def plain(rows):
    """(id, target, modality of the target, given, source, row) of every token, written out."""
    facts = []
    for index, (row, documents) in enumerate(rows):
        position = 0
        for document in documents:
            own = [(0, 0)]  # (modality, given) of every token of the document
            seen = 0
            for number, (code, letters) in enumerate(document):
                own += [(0, seen)] * bool(number)
                own += [(code, seen)] * len(letters)
                seen |= {1: 1, 2: 2, 3: 4}[code]
            own.append((0, seen))
            tokens = row.tokens[position : position + len(own)].tolist()
            for i, token in enumerate(tokens):
                last = i + 1 == len(tokens)
                target, (code, given_) = (NO_TARGET, (0, 0)) if last else (tokens[i + 1], own[i + 1])
                facts.append((token, target, code, given_, row.source, index))
            position += len(tokens)
        assert position == len(row.tokens)
    return facts


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 2), st.integers(3, 90)), min_size=1, max_size=5))
def test_every_token_has_the_facts_that_a_plain_reading_gives(cases):
    rows = [row_and_documents(seed, source, budget) for seed, source, budget in cases]
    batch = batch_of_rows([row for row, _ in rows], SOURCES)
    columns = (batch.ids, batch.targets, batch.modality, batch.given, batch.source, batch.row)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == plain(rows)
    assert [c.dtype for c in columns] == [np.int64, np.int64, np.int8, np.int8, np.int16, np.int32]
    assert batch.document_ends[-1] == batch.n_tokens
    assert batch.n_targets == int((batch.targets != NO_TARGET).sum())
    assert batch.row_names == tuple(row.name for row, _ in rows) and batch.sources == SOURCES


def test_protein_after_its_dna_is_marked_as_given_dna_and_what_follows_does_not_count():
    documents = [[(1, "acgt"), (3, "MK"), (2, "ac")], [(3, "MM")]]
    value = row_of(documents, 32)
    row = Row(0, "a:0", np.frombuffer(value["tokens"], np.uint8)[: value["n_tokens"]],
              *(np.array(value[k]) for k in ("document_ends", "span_ends", "span_modality")))  # fmt: skip
    batch = batch_of_rows([row], SOURCES)
    #                          <bos> a  c  g  t <sep> M K <sep> a c <eos>  <bos> M M <eos>
    assert batch.modality.tolist() == [1, 1, 1, 1, 0, 3, 3, 0, 2, 2, 0, 0, 3, 3, 0, 0]
    assert batch.given.tolist() == [0, 0, 0, 0, 1, 1, 1, 5, 5, 5, 7, 0, 0, 0, 4, 0]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=4))
def test_tokens_are_counted_by_their_own_modality_as_manifests_count_them(seeds):
    rows = [row_and_documents(seed, seed % 3) for seed in seeds]
    expected: dict[tuple[str, str], int] = {}
    for row, documents in rows:
        for document in documents:
            letters = [(("dna", "rna", "protein")[code - 1], len(text)) for code, text in document]
            for name, n in [("special", len(document) + 1), *letters]:
                key = (SOURCES[row.source][0], name)
                expected[key] = expected.get(key, 0) + n
    assert batch_of_rows([row for row, _ in rows], SOURCES).n_tokens_by_source() == expected


def test_on_a_device_the_layout_knows_the_documents_and_padding_is_a_document_without_targets():
    rows = [row_and_documents(seed, 0) for seed in range(3)]
    batch = batch_of_rows([row for row, _ in rows], SOURCES)
    ids, targets, layout = batch.to("cpu")
    assert isinstance(batch, Batch) and ids.dtype == targets.dtype == torch.int64
    assert len(ids) == len(targets) == 320 > batch.n_tokens
    assert layout.ends[1:].tolist() == [*batch.document_ends.tolist(), 320]
    assert np.array_equal(ids[: batch.n_tokens], batch.ids) and not ids[batch.n_tokens :].any()
    assert np.array_equal(targets[: batch.n_tokens], batch.targets)
    assert (targets[batch.n_tokens :] == NO_TARGET).all()
