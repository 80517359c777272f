"""The compiled scanners say exactly what the plain readers say, wherever the file's blocks end."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bsm.base import fasta_scan, gff3_scan
from bsm.base.alphabet import normalise_nucleotides
from bsm.base.errors import InputError
from bsm.base.fasta import read_fasta
from bsm.base.fasta_scan import UnusualFasta, scan_fasta
from bsm.base.gff3 import attribute, read_gff3_by_sequence
from bsm.base.gff3_scan import ALL, ID, ID_END, LINKS, PARENT, PARENT_END, SEVERAL_PARENTS, SKIP, TAGS
from bsm.base.gff3_scan import scan_gff3_by_sequence as scan

TAGS_ASKED = ("exception", "part", "pseudo")
BLOCKS = [64, 333, 1 << 20]
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=BLOCKS)
def blocks(request, monkeypatch):
    for module in (fasta_scan, gff3_scan):
        monkeypatch.setattr(module, "_BLOCK_BYTES", request.param)


def _records(path, nucleotides):
    found, letters = [], bytearray()
    for block in scan_fasta(path, nucleotides):
        at = 0
        for place, _, header in block.begins:
            letters += block.letters[at:place].tobytes()
            if found:
                found[-1][1] = letters.decode()
            found.append([header.decode(), ""])
            letters, at = bytearray(), place
        letters += block.letters[at:].tobytes()
    found[-1][1] = letters.decode()
    return found


sequences = st.text(alphabet="ACGTNacgtnRYu", min_size=1, max_size=200)


@quick
@given(st.lists(sequences, min_size=1, max_size=6), st.integers(1, 90), st.sampled_from(["\n", "\r\n"]))
def test_fasta_letters_are_those_of_the_records(tmp_path, blocks, letters, width, end):
    lines = []
    for number, record in enumerate(letters):
        lines += [f">r{number} some > title", *(record[i : i + width] for i in range(0, len(record), width))]
    path = tmp_path / "x.fa"
    path.write_bytes((end.join(lines) + end).encode())
    plain = [(f"{r.name} {r.description}", r.sequence) for r in read_fasta(path)]
    assert [(header.strip(), found) for header, found in _records(path, False)] == plain
    clean = [normalise_nucleotides(record)[0] for _, record in plain]
    assert [found for _, found in _records(path, True)] == clean
    n_ambiguous = sum(block.n_ambiguous for block in scan_fasta(path, True))
    assert n_ambiguous == sum(normalise_nucleotides(record)[1] for _, record in plain)


@pytest.mark.parametrize(
    "text", [b">a\nAC GT\n", b";x\n>a\nAC\n", b"AC\n>a\nAC\n", b">a\n>b\nAC\n", b">a\n", b"", b">a\nA\xc3\n"]
)
def test_unusual_fasta_is_left_to_the_plain_reader(tmp_path, text):
    (tmp_path / "x.fa").write_bytes(text)
    with pytest.raises(UnusualFasta):
        list(scan_fasta(tmp_path / "x.fa"))


def test_truncated_gzip_is_an_input_error(tmp_path):
    (tmp_path / "x.gz").write_bytes(gzip.compress(b">a\n" + b"ACGT" * 5000)[:-9])
    with pytest.raises(InputError, match="truncated"):
        list(scan_fasta(tmp_path / "x.gz"))
    with pytest.raises(InputError, match="truncated"):
        list(scan(tmp_path / "x.gz", lambda kind: ALL))


def _assert_same_rows(path):
    wanted = {"gene": ALL, "exon": LINKS, "CDS": ALL, "mRNA": ALL}
    damage, compiled_damage = [], []
    plain = dict(read_gff3_by_sequence(path, lambda kind: kind in wanted, damage.append))
    tables = list(scan(path, lambda kind: wanted.get(kind, SKIP), TAGS_ASKED, compiled_damage.append))
    assert {t.name: [t.row(i) for i in range(t.n_rows)] for t in tables} == plain
    assert [t.name for t in tables] == list(plain)
    assert list(map(str, damage)) == list(map(str, compiled_damage))
    for table in tables:
        for index in range(table.n_rows):
            row, found = table.row(index), table.rows[index]
            text = row.attribute_text
            assert table.text[found[ID] : found[ID_END]].tobytes().decode() == (attribute(text, "ID") or "")
            parent = attribute(text, "Parent") or ""
            assert table.text[found[PARENT] : found[PARENT_END]].tobytes().decode() == parent
            assert bool(found[TAGS] & SEVERAL_PARENTS) == ("," in parent)
            for bit, tag in enumerate(TAGS_ASKED if row.kind != "exon" else ()):
                assert bool(found[TAGS] >> bit & 1) == (attribute(text, tag) is not None)


values = st.text(alphabet="abcXYZ0129_-., ", max_size=8)
pairs = st.tuples(st.sampled_from(["ID", "Parent", "exception", "part", "Note", "pseudo", "Parental"]), values)
good = st.builds(
    lambda name, kind, start, length, strand, phase, tags: "\t".join(
        (name, "src", kind, str(start), str(start + length), ".", strand, phase, ";".join(f"{t}={v}" for t, v in tags))
    ),
    st.sampled_from(["c1", "c2", "c%2C3"]), st.sampled_from(["gene", "exon", "CDS", "mRNA", "region", "match"]),
    st.integers(1, 10**9), st.integers(0, 10**6), st.sampled_from("+-.?"), st.sampled_from(".012"),
    st.lists(pairs, min_size=1, max_size=5, unique_by=lambda pair: pair[0]),
)  # fmt: skip
bad = st.sampled_from([
    "c1\tx", "c1\ts\tgene\t9\t3\t.\t+\t.\tID=1", "c1\ts\tgene\t0\t3\t.\t+\t.\tID=1", "c1\ts\tCDS\t1\t3\t.\t+\t7\tID=1",
    "c1\ts\texon\t1\t3\t.\tx\t.\tID=1", "c1\ts\tgene\t1\t3\t.\t+\t.\tgene_id 7", "c1\ts\tgene\t1\t3\t.\t+\t.\ta=1\tb",
    "c1\ts\tgene\t1\t3\t.\t+\t.\t.", "c2\ts\tgene\ta\t3\t.\t+\t.\tID=1", "c1\ts\tmatch\t9\t3\t.\t+\t.\tID=1",
])  # fmt: skip
other = st.sampled_from(["", "#x", "##sequence-region c1 1 9", "###"])


@quick
@given(
    st.lists(good | good | good | bad | other, min_size=1, max_size=40), st.sampled_from(["\n", "\r\n"]), st.booleans()
)
def test_gff3_rows_damage_and_order_are_those_of_the_plain_reader(tmp_path, blocks, lines, end, fasta):
    path = tmp_path / "x.gff"
    path.write_bytes(end.join(["##gff-version 3", *lines, *(["##FASTA", ">c1", "AC"] if fasta else []), ""]).encode())
    if any(line and line[0] != "#" for line in lines):
        _assert_same_rows(path)
    else:
        with pytest.raises(InputError, match="no feature line"):
            list(scan(path, lambda kind: ALL))


def test_gff3_of_real_records_is_read_alike(shared_data, blocks):
    paths = [path for path in sorted(shared_data("ncbi").rglob("*.gff*")) if path.stat().st_size < 200_000]
    assert len(paths) > 20
    for path in paths:
        _assert_same_rows(path)
