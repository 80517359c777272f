"""The compiled prefilter passes every document with an anchor, and agrees with the plain pattern."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bsm.base.sequence_prefilter import may_hold_sequences
from bsm.interleave.candidates import ANCHOR

RUNS = re.compile(r"[ACGTUNacgtun]{10}|[A-Z]{10}")
CODONS = re.compile(r"(?= [ACGTUNacgtun]{3} )")
near_anchors = st.lists(
    st.one_of(
        st.text("ACGTUNacgtun", min_size=7, max_size=12), st.text("ABZMK", min_size=7, max_size=12),
        st.lists(st.text("ACGUt", min_size=3, max_size=3), min_size=3, max_size=8).map(" ".join),
        st.text(" .é\nxq", max_size=14), st.text(max_size=4),
    ), max_size=8,
).map("".join)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.lists(near_anchors, min_size=1, max_size=5))
def test_every_document_with_an_anchor_passes_and_runs_are_found_exactly(documents):
    documents = [d.encode("utf-8", "ignore").decode() for d in documents]
    passed = may_hold_sequences(pa.array(documents))
    for document, ok in zip(documents, passed, strict=True):
        assert ok or not ANCHOR.search(document)
        assert ok or not RUNS.search(document)
        assert not ok or RUNS.search(document) or CODONS.search(document)


@pytest.mark.parametrize("type_", [pa.string(), pa.large_string()])
def test_slices_nulls_and_both_string_widths(type_):
    texts = pa.array(["x", None, "say ACGTACGTAC", "", "no", "ACGTACGTA c"], type=type_)
    assert may_hold_sequences(texts).tolist() == [False, False, True, False, False, False]
    assert may_hold_sequences(texts[2:]).tolist() == [True, False, False, False]
    assert may_hold_sequences(texts[:0]).tolist() == []
