"""The FineWeb-Edu mirror: spans point at their text, look-alikes and plain pages hold no sequence, bytes are stable."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from Bio.Seq import Seq
from hypothesis import given, settings
from hypothesis import strategies as st

from bsm.base.alphabet import Modality, normalise
from bsm.base.randomness import generator
from bsm.miniature.web import DATASET, SCHEMA, write_web
from bsm.miniature.web_layouts import LAYOUTS, Shown, lay_out, showable
from bsm.miniature.web_look_alikes import KINDS

RUN = re.compile(r"[ACGTUN]{15,}|[acgtun]{15,}|[ACDEFGHIKLMNPQRSTVWY]{15,}")


@pytest.fixture(scope="module")
def on_pages(planted):
    return [record for record in planted if record.corpus == "web"]


@pytest.fixture(scope="module")
def written(world, on_pages, tmp_path_factory):
    out = tmp_path_factory.mktemp("web")
    return out, write_web(world, on_pages, out)


@pytest.fixture(scope="module")
def documents(written) -> dict[str, dict]:
    rows = [row for path in parquet_files(written[0]) for row in pq.read_table(path).to_pylist()]
    return {row["id"]: row for row in rows}


@pytest.fixture(scope="module")
def spans(written) -> dict[str, list[dict]]:
    by_document = defaultdict(list)
    for row in written[1]:
        by_document[row["document_id"]].append(row)
    return by_document


def parquet_files(out: Path) -> list[Path]:
    return sorted((out / "huggingface").rglob("*.parquet"))


def letters_only(text: str) -> str:
    return re.sub(r"[^A-Za-z]", "", text)


def test_every_planted_sequence_is_spelt_by_the_letters_of_its_span(documents, spans):
    for document_id, rows in spans.items():
        text = documents[document_id]["text"]
        for row in rows:
            piece = text[row["start"] : row["end"]]
            assert piece == piece.strip() and piece
            if row["kind"] == "sequence":
                assert normalise(letters_only(piece), Modality(row["modality"])) == (row["sequence"], 0)
                assert piece[0].isalpha() and piece[-1].isalpha() and len(row["sequence"]) >= 20
            else:
                assert row["kind"] == "look_alike" and row["modality"] is row["sequence"] is None


def test_spans_do_not_overlap_and_stand_in_reading_order(spans):
    for rows in spans.values():
        assert all(a["end"] < b["start"] for a, b in pairwise(rows))


def test_all_layouts_modalities_and_look_alikes_occur(world, documents, spans):
    rows = [row for rows in spans.values() for row in rows]
    sequences = [row for row in rows if row["kind"] == "sequence"]
    assert {row["layout"] for row in sequences} == set(LAYOUTS)
    assert {row["layout"] for row in rows if row["kind"] == "look_alike"} == set(KINDS)
    assert min(Counter(row["modality"] for row in sequences).values()) > 100
    per_page = Counter(row["document_id"] for row in sequences)
    assert set(per_page.values()) == {1, 2, 3, 4, 5, 6}
    assert sum(n >= 3 for n in per_page.values()) > 0.7 * len(per_page)
    web = world.settings.web
    n_mirrors = len(documents) - web.n_documents_plain - web.n_documents_look_alike - web.n_documents_with_sequences
    assert 0 < n_mirrors < 0.4 * web.n_documents_with_sequences


def test_nothing_that_looks_like_a_sequence_stands_outside_the_spans(documents, spans):
    for document_id, document in documents.items():
        text, rows = document["text"], spans.get(document_id, [])
        if {row["layout"] for row in rows} & {"both_strands", "fastq"}:
            continue  # the lower strand and the quality line stand beside the sequence
        for row in reversed(rows):
            text = text[: row["start"]] + text[row["end"] :]
        assert not RUN.search(text), (document_id, RUN.search(text))


def test_pages_carry_pairs_of_one_gene(spans):
    paired = 0
    for rows in spans.values():
        proteins = [row["sequence"] for row in rows if row["modality"] == "protein"]
        rnas = [row["sequence"] for row in rows if row["modality"] == "rna"]
        read = [str(Seq(rna[f : f + (len(rna) - f) // 3 * 3]).translate()) for rna in rnas for f in range(3)]
        paired += any(protein in frame for protein in proteins for frame in read)
    assert paired > 60


def test_columns_types_and_row_groups_are_those_of_fineweb_edu(written, documents):
    files = parquet_files(written[0])
    assert [path.name for path in files] == ["000_00000.parquet", "001_00000.parquet"]
    for path in files:
        parquet = pq.ParquetFile(path)
        assert parquet.schema_arrow.remove_metadata() == SCHEMA
        assert parquet.num_row_groups > 1 and parquet.metadata.row_group(0).num_rows == 200
    assert sum(pq.ParquetFile(path).metadata.num_rows for path in files) == len(documents)
    for row in documents.values():
        assert re.fullmatch(r"<urn:uuid:[0-9a-f-]{36}>", row["id"]) and row["int_score"] == round(row["score"])


def test_the_hubs_listing_states_size_and_sha256_of_each_file(written):
    api = written[0] / "huggingface" / "api" / "datasets" / DATASET
    commit = json.loads((api / "revision" / "main").read_text())["sha"]
    assert re.fullmatch(r"[0-9a-f]{40}", commit)
    listing = json.loads((api / "tree" / commit / "sample" / "10BT").read_text())
    assert len(listing) == 2
    for entry in listing:
        data = (written[0] / "huggingface" / "datasets" / DATASET / "resolve" / commit / entry["path"]).read_bytes()
        assert entry["size"] == entry["lfs"]["size"] == len(data)
        assert entry["lfs"]["oid"] == hashlib.sha256(data).hexdigest()


def test_planted_items_stand_on_their_pages_among_enough_other_sequences(on_pages, spans):
    assert on_pages
    for record in on_pages:
        rows = [row for row in spans[record.name] if row["kind"] == "sequence"]
        assert len(rows) >= 3 and sum(row["sequence"] == record.letters for row in rows) == 1


def test_the_mirror_is_byte_stable(world, on_pages, written, tmp_path):
    assert write_web(world, on_pages, tmp_path) == written[1]
    files = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file())
    assert len(files) == 4
    assert all((written[0] / file).read_bytes() == (tmp_path / file).read_bytes() for file in files)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(list(Modality)), st.data())
def test_any_showable_sequence_survives_any_layout(modality, data):
    alphabet = "ACDEFGHIKLMNPQRSTVWY" if modality is Modality.PROTEIN else "acgt"
    letters = data.draw(st.text(alphabet, min_size=20, max_size=300).filter(lambda text: showable(modality, text)))
    shown = Shown("GENE1", "gene one", modality, letters, is_coding=True)
    block = lay_out(shown, generator("layouts", data.draw(st.integers(0, 1000))))
    assert normalise(letters_only(block.body), modality) == (letters, 0)
    assert letters_only(block.body[0]) and letters_only(block.body[-1])
