"""GFF3 reader: rows, attributes, grouping by sequence, errors with file and line."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bsm.base.errors import InputError
from bsm.base.gff3 import attribute, parse_attributes, read_gff3, read_gff3_by_sequence, unescape, values

ROW = "c1\tsrc\tgene\t11\t20\t.\t-\t.\tID=g1"


def _write(tmp_path, *lines, end="\n"):
    path = tmp_path / "a.gff"
    path.write_text(end.join(("##gff-version 3", *lines)) + end, newline="")
    return path


def test_coordinates_leave_zero_based_half_open(tmp_path):
    (row,) = read_gff3(_write(tmp_path, ROW))
    assert (row.line, row.sequence_name, row.kind, row.start, row.end, row.strand, row.phase) == (
        2,
        "c1",
        "gene",
        10,
        20,
        -1,
        None,
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_all_systems(end, tmp_path):
    assert [row.line for row in read_gff3(_write(tmp_path, ROW, "", "###", ROW, end=end))] == [2, 5]


def test_attributes_are_split_before_they_are_unescaped():
    found = parse_attributes("ID=a%3Bb;Parent=p%2C1,p2; Note=x%3Dy%25;bare;")
    assert (
        unescape(found["ID"]) == "a;b"
        and values(found["Parent"]) == ["p,1", "p2"]
        and unescape(found["Note"]) == "x=y%"
    )
    assert values(found.get("Dbxref")) == []


@given(st.dictionaries(st.text("abcID", min_size=1, max_size=4), st.text("xyz%,= ", max_size=6), max_size=5))
def test_single_attribute_equals_parsing_all(tags):
    text = ";".join(f"{tag}={value}" for tag, value in tags.items())
    assert {tag: attribute(text, tag) for tag in tags} == parse_attributes(text)
    assert attribute(text, "absent") is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("c1\tsrc\tgene\t11\t20", "nine tab-separated columns"),
        (ROW.replace("\t11\t", "\t0\t"), "start and end"),
        (ROW.replace("\t11\t", "\t30\t"), "start and end"),
        (ROW.replace("\t11\t", "\tx\t"), "start and end"),
        (ROW.replace("\t-\t", "\tm\t"), "strand must be one of"),
        (ROW.replace("ID=g1", 'gene_id "g1"'), "looks like GTF"),
    ],
)
def test_damaged_line_is_named_or_collected(line, message, tmp_path):
    path = _write(tmp_path, line, ROW)
    with pytest.raises(InputError, match=rf"a\.gff:2: .*{message}"):
        list(read_gff3(path))
    errors = []
    assert [row.line for row in read_gff3(path, damaged=errors.append)] == [3]
    assert len(errors) == 1


def test_sequences_come_once_each_whatever_the_order_of_lines(tmp_path):
    other = ROW.replace("c1", "c2")
    path = _write(tmp_path, ROW, other, "bad line", ROW, "##FASTA", ">c1", "acgt")
    groups = [
        (name, [row.line for row in rows]) for name, rows in read_gff3_by_sequence(path, damaged=lambda error: None)
    ]
    assert groups == [("c2", [3]), ("bad line", []), ("c1", [2, 5])]


def test_annotation_without_a_feature_is_refused(tmp_path):
    with pytest.raises(InputError, match="no feature line"):
        list(read_gff3_by_sequence(_write(tmp_path, "##sequence-region c1 1 9")))


def test_truncated_gzip_is_one_clear_error(tmp_path):
    path = tmp_path / "a.gff.gz"
    path.write_bytes(gzip.compress((ROW + "\n").encode() * 999)[:-9])
    with pytest.raises(InputError, match="truncated gzip"):
        list(read_gff3(path))


@pytest.mark.parametrize("name", ["mouse_medium_genomic.gff.gz", "genomic_100.gff.gz", "ncbi-format-dmel_chr4.gff3.gz"])
def test_real_annotation_equals_gffutils(name, shared_data):
    from gffutils.iterators import DataIterator

    path = shared_data("ncbi/gff3_only") / name
    ours = list(read_gff3(path))
    theirs = list(DataIterator(str(path), checklines=0))
    assert len(ours) == len(theirs) > 80
    for row, feature in zip(ours, theirs, strict=True):
        assert (row.sequence_name, row.kind, row.start + 1, row.end) == (
            feature.seqid,
            feature.featuretype,
            feature.start,
            feature.end,
        )
        found = parse_attributes(row.attribute_text)
        for tag in ("ID", "Parent", "Dbxref", "gene"):
            assert values(found.get(tag)) == list(feature.attributes.get(tag, []))
