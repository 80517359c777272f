"""The pipeline: same bytes for any number of workers and after an interruption, copies thinned, errors clear."""

from __future__ import annotations

import csv
import gzip
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bsm.base.config.data import InterleaveSettings
from bsm.base.filelist import RawFile, write_file_list
from bsm.base.tables import FOUND, PIECES, read_table
from bsm.cli import main
from bsm.interleave import documents, pipeline
from bsm.interleave.documents import plan_pieces

SOURCE = json.dumps({"kind": "fineweb_edu", "name": "web", "folders": ["x"], "licence": "odc"})


def page(rng: random.Random, n: int) -> tuple[str, list[str]]:
    letters = ["".join(rng.choices("acgt", k=rng.randint(30, 90))) for _ in range(n)]
    return "A page.\n\n" + "\n\n".join(f"Sequence {i}: {s.upper()}, he said." for i, s in enumerate(letters)), letters


def web_files(folder, n_files: int = 2, with_url: bool = True) -> dict[str, list[str]]:
    """Parquet files of ten documents with 0-5 sequences each; returns document id -> sequences."""
    rng = random.Random(7)
    folder.mkdir()
    truth: dict[str, list[str]] = {}
    rows = []
    for number in range(n_files):
        table = []
        for index in range(10):
            text, truth[f"doc{number}{index}"] = page(rng, index % 6)
            row = {"text": text, "id": f"doc{number}{index}", "score": 3.0}
            table.append(row | {"dump": "CC-1", "url": f"https://e.org/{index}"} if with_url else row)
        pq.write_table(pa.Table.from_pylist(table), folder / f"{number:03d}.parquet", row_group_size=4)
        rows.append(RawFile("web_parquet", f"{number:03d}.parquet", "", "v", 0, "", "", "odc"))
    write_file_list(folder / "files.csv", rows)
    return truth


def run(tmp_path, name: str, *more: str) -> int:
    outputs = {"--found": ".found", "--corpus": ".corpus", "--counts": ".csv"}
    options = [text for option, end in outputs.items() for text in (option, str(tmp_path / f"{name}{end}"))]
    return main(["interleave", "--source", SOURCE, "--raw", str(tmp_path / "raw"), *options, *more])


def output(tmp_path, name: str) -> tuple[bytes, bytes, bytes]:
    return tuple((tmp_path / f"{name}{end}").read_bytes() for end in (".found", ".corpus", ".csv"))  # type: ignore[return-value]


def test_found_has_every_sequence_and_the_corpus_the_documents_with_three(tmp_path):
    truth = web_files(tmp_path / "raw")
    assert run(tmp_path, "a") == 0
    found = read_table(tmp_path / "a.found", FOUND).to_pylist()
    assert [(r["document_id"], r["sequence"]) for r in found] == [(d, s) for d, ss in truth.items() for s in ss]
    corpus = read_table(tmp_path / "a.corpus", PIECES).to_pylist()
    expected = {d: ss for d, ss in truth.items() if len(ss) >= 3}
    assert [(r["record_id"], r["piece"], r["sequence"]) for r in corpus] == [
        (f"web:{d}", i, s) for d, ss in expected.items() for i, s in enumerate(ss)
    ]
    assert {(r["release"], r["licence"], r["strand"]) for r in corpus} == {("CC-1", "odc", 1)}
    with open(tmp_path / "a.csv", newline="") as handle:
        numbers = {(r["outcome"], r["reason"]): int(r["n_records"]) for r in csv.DictReader(handle)}
    assert numbers == {
        ("kept", ""): len(expected), ("dropped", "fewer_than_min_sequences"): 8, ("dropped", "no_sequence"): 4,
    }  # fmt: skip
    assert not list(tmp_path.glob(".*.state"))


def leave_out(path, keep) -> None:
    """Rewrite a file as acquire leaves it: some rows, and a note of how many there were."""
    table = pq.read_table(path)
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table.filter([keep(name) for name in table["id"].to_pylist()]))
        writer.add_key_value_metadata({"n_documents_seen": str(table.num_rows)})


def test_documents_that_acquire_left_out_are_counted(tmp_path):
    truth = web_files(tmp_path / "raw")
    assert run(tmp_path, "whole") == 0
    for path in (tmp_path / "raw").glob("*.parquet"):
        leave_out(path, lambda name: bool(truth[name]))
    assert run(tmp_path, "slim") == 0
    assert output(tmp_path, "slim") == output(tmp_path, "whole")


def test_files_of_which_nothing_was_kept_are_no_error(tmp_path):
    web_files(tmp_path / "raw", n_files=1)
    leave_out(tmp_path / "raw" / "000.parquet", lambda name: False)
    assert run(tmp_path, "a") == 0
    assert (tmp_path / "a.csv").read_text().endswith("\ninterleave,web,all,dropped,no_sequence,10,0\n")


def test_three_letter_notation_is_not_looked_for_where_documents_were_left_out(tmp_path, capsys):
    web_files(tmp_path / "raw", n_files=1)
    read = ("--settings", json.dumps({"three_letter": "read"}))
    assert run(tmp_path, "a", *read) == 0
    leave_out(tmp_path / "raw" / "000.parquet", lambda name: name != "doc00")
    assert run(tmp_path, "b", *read) == 1 and "Set all_documents: true" in capsys.readouterr().err
    assert not (tmp_path / "b.found").exists()


def test_two_workers_write_the_same_bytes_as_one(tmp_path, monkeypatch):
    web_files(tmp_path / "raw", n_files=3)
    assert run(tmp_path, "one") == run(tmp_path, "two", "--workers", "2") == 0
    assert output(tmp_path, "one") == output(tmp_path, "two")


def test_an_interrupted_run_goes_on_with_the_unfinished_pieces(tmp_path, monkeypatch):
    web_files(tmp_path / "raw", n_files=2)
    monkeypatch.setattr(documents, "PIECE_BYTES", 1)
    assert run(tmp_path, "whole") == 0
    scanned: list[int] = []
    original = pipeline.scan_documents

    def counting(table: pa.Table, settings: InterleaveSettings) -> list[dict[str, object]]:
        scanned.append(table.num_rows)
        if len(scanned) == 4:
            raise KeyboardInterrupt
        return original(table, settings)

    monkeypatch.setattr(pipeline, "scan_documents", counting)
    assert run(tmp_path, "cut", "--state", str(tmp_path / "state")) == 130
    assert not (tmp_path / "cut.found").exists() and (tmp_path / "state").is_dir()
    assert run(tmp_path, "cut", "--state", str(tmp_path / "state")) == 0
    assert len(scanned) == 6 + 1
    assert output(tmp_path, "cut") == output(tmp_path, "whole")
    assert not (tmp_path / "state").exists()


def test_a_state_of_other_settings_is_not_used(tmp_path):
    web_files(tmp_path / "raw", n_files=1)
    pieces = plan_pieces([tmp_path / "raw" / "000.parquet"], [])
    first = pipeline.fingerprint(pieces, InterleaveSettings())
    assert first != pipeline.fingerprint(pieces, InterleaveSettings(min_nucleotides=16))
    assert first == pipeline.fingerprint(pieces, InterleaveSettings())


@pytest.mark.parametrize(("max_copies", "kept"), [(1, ["b1"]), (2, ["b2", "b1"])])
def test_copies_of_one_list_of_sequences_are_thinned_to_the_smallest_ids(tmp_path, max_copies, kept):
    text, _ = page(random.Random(1), 3)
    lines = [json.dumps({"id": i, "text": f"Mirror {i}. {text}"}) for i in ("b2", "c3", "b1")]
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "d.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    write_file_list(tmp_path / "raw" / "files.csv", [RawFile("web_jsonl", "d.jsonl.gz", "", "v", 0, "", "", "own")])
    assert run(tmp_path, "a", "--settings", json.dumps({"max_copies": max_copies})) == 0
    corpus = read_table(tmp_path / "a.corpus", PIECES)
    assert list(dict.fromkeys(corpus["accession"].to_pylist())) == kept
    assert read_table(tmp_path / "a.found", FOUND).num_rows == 9
    assert f"copy_of_another_document,{3 - max_copies}," in (tmp_path / "a.csv").read_text()


def test_own_documents_by_hand_with_explanation(tmp_path, capsys):
    text, letters = page(random.Random(2), 2)
    (tmp_path / "d.jsonl").write_text(json.dumps({"id": "a", "text": text + " ACGTACGTACGTACGT"}) + "\n\n")
    arguments = ["interleave", "--jsonl", str(tmp_path / "d.jsonl"), "--out", str(tmp_path / "f.parquet"), "--explain"]
    assert main(arguments) == 0
    rows = read_table(tmp_path / "f.parquet", FOUND).to_pylist()
    assert [(r["sequence"], text[r["start"] : r["end"]].lower()) for r in rows] == [(s, s) for s in letters]
    printed = capsys.readouterr().out
    assert printed.startswith("a: 2 dna; refused: 1 toy\n") and "refused: toy  ACGTACGTACGTACGT" in printed


@pytest.mark.parametrize(("content", "message"), [
    (b'{"id": "a", "text": "x"}\n{"id": 3}\n', "d.jsonl:2: a document needs `id` and `text`"),
    (b"nonsense\n", "d.jsonl:1: not a JSON object"),
    (b"", "no document"),
    (gzip.compress(b'{"id": "a", "text": "x"}\n' * 200, mtime=0)[:-20], "damaged or truncated gzip"),
])  # fmt: skip
def test_bad_documents_are_one_clear_error_and_no_output(tmp_path, capsys, content, message):
    (tmp_path / "d.jsonl").write_bytes(content)
    assert main(["interleave", "--jsonl", str(tmp_path / "d.jsonl"), "--out", str(tmp_path / "f.parquet")]) == 1
    assert message in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["d.jsonl"]


def test_parquet_without_a_needed_column_or_cut_short_is_named(tmp_path, capsys):
    web_files(tmp_path / "raw", n_files=1, with_url=False)
    assert run(tmp_path, "a") == 0
    path = tmp_path / "raw" / "000.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["text"]), path)
    assert run(tmp_path, "b") == 1 and "missing column(s) text" in capsys.readouterr().err
    path.write_bytes(path.read_bytes()[:-30])
    assert run(tmp_path, "b") == 1 and "not a readable Parquet file" in capsys.readouterr().err
