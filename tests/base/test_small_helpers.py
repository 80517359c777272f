"""Counts, file lists, progress lines and seeded choices."""

from __future__ import annotations

import io

import numpy as np
import pytest

from bsm.base.counts import Counts, read_counts, write_counts
from bsm.base.errors import BsmError, InputError
from bsm.base.filelist import RawFile, files_of, read_file_list, write_file_list
from bsm.base.progress import Progress
from bsm.base.randomness import generator, stable_hash64, unit_interval


def test_counts_add_up_per_outcome_and_reason(tmp_path):
    counts = Counts("sample", "uniprot", "all")
    counts.keep(100)
    counts.keep(50)
    counts.drop("too_short", 5, n_records=2)
    counts.write(tmp_path / "c.csv")
    rows = [(r["outcome"], r["reason"], r["n_records"], r["n_letters"]) for r in read_counts(tmp_path / "c.csv")]
    assert rows == [("dropped", "too_short", "2", "5"), ("kept", "", "2", "150")]


def test_an_empty_table_of_counts_still_has_its_header(tmp_path):
    write_counts(tmp_path / "c.csv", [])
    assert read_counts(tmp_path / "c.csv") == []


def test_another_table_is_not_taken_for_counts(tmp_path):
    (tmp_path / "c.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"missing column\(s\) stage, source"):
        read_counts(tmp_path / "c.csv")


def raw_file(role: str, path: str) -> RawFile:
    return RawFile(role, path, "https://example.org/" + path, "v1", 3, "0" * 32, "0" * 64, "CC0")


def test_a_file_list_is_sorted_and_gives_paths_by_role(tmp_path):
    files = [raw_file("gff", "b.gff"), raw_file("gff", "a.gff"), raw_file("genomic_fasta", "g.fna")]
    write_file_list(tmp_path / "files.csv", files)
    assert files_of(tmp_path, "gff") == [tmp_path / "a.gff", tmp_path / "b.gff"]
    assert read_file_list(tmp_path) == sorted(files, key=lambda f: (f.role, f.path))


def test_a_folder_without_file_list_says_what_to_run(tmp_path):
    with pytest.raises(InputError, match="Run bsm acquire"):
        read_file_list(tmp_path)


def test_progress_in_a_log_ends_with_total_rate_and_time():
    stream = io.StringIO()
    with Progress("reading", total=10, stream=stream) as progress:
        progress.advance(10)
    assert stream.getvalue().startswith("reading: 10 of 10 records, ")
    assert "done in" in stream.getvalue()


def test_progress_of_a_failed_job_says_stopped():
    stream = io.StringIO()
    with pytest.raises(RuntimeError), Progress("reading", stream=stream):
        raise RuntimeError
    assert "stopped in" in stream.getvalue()


def test_hashes_are_the_same_on_every_machine():
    assert stable_hash64(1, "GCF_1", "x") == 6347863323200547648
    assert stable_hash64("a", "b") != stable_hash64("ab", "")


def test_unit_interval_is_uniform():
    values = np.array([unit_interval("seed", i) for i in range(20_000)])
    counts, _ = np.histogram(values, bins=20, range=(0, 1))
    assert values.max() < 1
    assert ((counts - 1000) ** 2 / 1000).sum() < 43.8  # chi-square, 19 degrees of freedom, p = 0.001


def test_a_named_generator_repeats_its_stream():
    assert (
        generator(1, "genes").integers(0, 1 << 60, 5).tolist() == generator(1, "genes").integers(0, 1 << 60, 5).tolist()
    )
    assert generator(1, "genes").random() != generator(2, "genes").random()


def test_an_error_says_what_where_value_and_way_out():
    error = BsmError("no such gene", where="x.gff:3", value="abc", way_out="Check the file")
    assert str(error) == "x.gff:3: no such gene (found 'abc'). Check the file"
