"""The removed unit: exact windows, coordinates that still point at the accession, letters that add up."""

from __future__ import annotations

from itertools import pairwise

from clean_makers import piece
from hypothesis import given
from hypothesis import strategies as st

from bsm.base.counts import Counts
from bsm.clean.removal import REST_TOO_SHORT, Window, without
from bsm.clean.spans import merged

REASON = "benchmark:ppi"


def removed(rows, windows, context=5, min_rest=10):
    counts = Counts("clean.search", "corpus", "all")
    rest = without(rows, [Window(*w, REASON) for w in windows], counts, context, min_rest)
    numbers = {(r["outcome"], r["reason"]): (r["n_records"], r["n_letters"]) for r in counts.rows()}
    return rest, numbers


spans = st.lists(st.tuples(st.integers(0, 199), st.integers(1, 60)), min_size=1, max_size=5)


@given(spans, st.integers(0, 20), st.integers(1, 40), st.sampled_from([1, -1]))
def test_rests_are_the_letters_outside_all_windows_and_nothing_is_lost(spans, context, min_rest, strand):
    accession = "".join("acgt"[i * i % 4] + "acgt"[i // 7 % 4] for i in range(250))
    letters = accession[100:300] if strand == 1 else accession[100:300][::-1].translate(str.maketrans("acgt", "tgca"))
    row = piece("corpus:CHR1:100-300", letters, "dna", start=100, end=300, strand=strand)
    windows = [(0, start, min(200, start + n)) for start, n in spans]
    rest, numbers = removed([row], windows, context, min_rest)
    gone = {i for _, start, end in windows for i in range(max(0, start - context), min(200, end + context))}
    runs = "".join("-" if i in gone else letters[i] for i in range(200)).split("-")
    assert [r["sequence"] for r in rest] == [run for run in runs if len(run) >= min_rest]
    for r in rest:
        plain = accession[r["start"] : r["end"]]
        turned = plain[::-1].translate(str.maketrans("acgt", "tgca"))
        assert r["sequence"] == (plain if strand == 1 else turned)
        assert r["record_id"] == f"corpus:CHR1:{r['start']}-{r['end']}"
    assert sum(n for _, n in numbers.values()) == 200


def test_a_window_takes_its_context_and_short_rests_are_counted():
    row = piece("corpus:A.1", "a" * 100, "rna", start=0, end=100)
    rest, numbers = removed([row], [(0, 12, 40)])
    assert [(r["record_id"], r["start"], r["end"]) for r in rest] == [("corpus:A.1:45-100", 45, 100)]
    assert numbers == {("changed", REASON): (1, 38), ("dropped", REST_TOO_SHORT): (0, 7), ("kept", ""): (1, 55)}


def test_a_protein_record_goes_whole():
    rest, numbers = removed([piece("corpus:P1", "MKV" * 20, "protein")], [(0, 3, 30)])
    assert rest == []
    assert numbers == {("dropped", REASON): (1, 60)}


def test_a_gene_goes_whole():
    rows = [
        piece("corpus:g", s, m, n, gene_id="7") for n, (m, s) in enumerate([("dna", "acgt" * 9), ("protein", "MKV")])
    ]
    rest, numbers = removed(rows, [(1, 0, 3)])
    assert rest == []
    assert numbers == {("dropped", REASON): (1, 39)}


def test_a_document_loses_the_piece_and_goes_whole_when_one_remains():
    rows = [piece("web:d", s, m, n) for n, (m, s) in enumerate([("dna", "acgt"), ("protein", "MKVL"), ("rna", "ggg")])]
    rest, numbers = removed(rows, [(1, 0, 4)])
    assert [(r["piece"], r["sequence"]) for r in rest] == [(0, "acgt"), (1, "ggg")]
    assert numbers == {("changed", REASON): (1, 4), ("kept", ""): (1, 7)}
    rest, numbers = removed(rows, [(1, 0, 4), (0, 1, 2)])
    assert rest == []
    assert sum(n for _, n in numbers.values()) == 11


@given(spans)
def test_merged_spans_cover_the_same_places_without_touching(spans):
    given_spans = [(a, a + n) for a, n in spans]
    union = merged(given_spans)
    assert {i for a, b in union for i in range(a, b)} == {i for a, b in given_spans for i in range(a, b)}
    assert all(b < c for (_, b), (c, _) in pairwise(union))
