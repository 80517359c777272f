"""FASTA: the same records as Biopython reads, and damage named by file and line."""

from __future__ import annotations

import gzip
import io

import pytest
from Bio.SeqIO.FastaIO import SimpleFastaParser
from hypothesis import given
from hypothesis import strategies as st

from bsm.base.errors import InputError
from bsm.base.fasta import format_fasta, read_fasta

names = st.text(alphabet="ABCXYZ0123456789_.|:", min_size=1, max_size=12)
descriptions = st.text(alphabet="abc XYZ=[];", max_size=20).map(lambda text: " ".join(text.split()))
letters = st.text(alphabet="ACGTNacgtn*-", min_size=1, max_size=300)
records = st.lists(st.tuples(names, descriptions, letters), min_size=1, max_size=8)


@given(records, st.integers(1, 100), st.booleans())
def test_any_records_are_read_as_biopython_reads_them(tmp_path_factory, written, width, compress):
    text = format_fasta(written, width)
    path = tmp_path_factory.mktemp("fasta") / "x.fa"
    path.write_bytes(gzip.compress(text.encode()) if compress else text.encode())
    ours = [(f"{r.name} {r.description}".strip(), r.sequence) for r in read_fasta(path)]
    assert ours == list(SimpleFastaParser(io.StringIO(text)))
    assert [r.sequence for r in read_fasta(path)] == [r[2] for r in written]


def test_mixed_line_ends_blank_lines_and_comments_are_accepted(tmp_path):
    (tmp_path / "x.fa").write_bytes(b"; a comment\n>one first\r\nAC\r\n\r\nGT\n\n>two\nTT")
    assert [tuple(r) for r in read_fasta(tmp_path / "x.fa")] == [("one", "first", "ACGT"), ("two", "", "TT")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no FASTA record"),
        (b"ACGT\n>x\nAC\n", r"x\.fa:1: text before the first"),
        (b">a\nAC\n>b\n>c\nAC\n", r"x\.fa:3: record without letters"),
        (b">a\nAC\n> \nAC\n", r"x\.fa:3: record without a name"),
        (b">a\nAC\xc3\xa9\n", r"x\.fa:1: sequence with bytes that are not ASCII"),
        (b"<!DOCTYPE html><html>", r"x\.fa:1: text before the first"),
    ],
)
def test_damage_is_reported_with_file_and_line(tmp_path, content, message):
    (tmp_path / "x.fa").write_bytes(content)
    with pytest.raises(InputError, match=message):
        list(read_fasta(tmp_path / "x.fa"))
