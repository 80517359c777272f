"""GenBank reader: the same records as Biopython, the grammar of locations, damage with file and line."""

from __future__ import annotations

import gzip
import warnings

import pytest
from Bio import SeqIO
from hypothesis import given
from hypothesis import strategies as st

from bsm.base.errors import InputError
from bsm.base.genbank import Span, parse_location, read_genbank

HEALTHY = [
    "NC_005816.gb", "NC_000932.gb", "arab1.gb", "AE003644_Adh-genomic.gb", "U49845.gbk", "cor6_6.gb", "NC_001422.gbk",
    "NC_012920.1.gbff", "NM_001747.gb", "rna.NM_001996.gbff", "HM138502.gbk", "influA_California.gbff",
    "lambda_NC_001416.gb", "T4_NC_000866.gbff.gz", "ribosome-slippage.gb", "zika_outgroup.gb", "revcomp_mrna.gb",
    "NC_002058_multDBLINK_bug3375.gb", "NC_006511-short.gbk", "protein_refseq2.gb",
]  # fmt: skip


@pytest.mark.parametrize("name", HEALTHY)
def test_records_equal_biopython(name, shared_data):
    path = shared_data("ncbi/flatfiles") / name
    with warnings.catch_warnings(), gzip.open(path, "rt") if name.endswith("gz") else path.open() as handle:
        warnings.simplefilter("ignore")
        expected = list(SeqIO.parse(handle, "genbank"))
    found = list(read_genbank(path))
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.name == theirs.id
        if ours.sequence:
            assert ours.sequence.upper() == str(theirs.seq).upper()
        assert [feature.kind for feature in ours.features] == [feature.type for feature in theirs.features]
        for feature, other in zip(ours.features, theirs.features, strict=True):
            spans = [Span(int(p.start), int(p.end), p.strand or 1) for p in other.location.parts]
            assert feature.location.spans == spans
            for key in ("translation", "gene", "locus_tag", "codon_start", "db_xref", "transl_except"):
                plain = [value.replace(" ", "") for value in feature.qualifiers.get(key, [])]
                assert plain == [value.replace(" ", "") for value in other.qualifiers.get(key, [])]


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("12", [(11, 12, 1)]),
        ("<3..>9", [(2, 9, 1)]),
        ("5^6", [(5, 5, 1)]),
        ("order(1..2,4..5)", [(0, 2, 1), (3, 5, 1)]),
        ("complement(join(1..3,7..9))", [(6, 9, -1), (0, 3, -1)]),
        ("join(complement(7..9),complement(1..3))", [(6, 9, -1), (0, 3, -1)]),
        ("join(complement(1..3),20..25)", [(0, 3, -1), (19, 25, 1)]),
        ("join(complement(1..3))", [(0, 3, -1)]),
    ],
)
def test_locations_are_read_in_joining_order(text, spans):
    assert parse_location([text]).spans == [Span(*span) for span in spans]


def test_open_ends_follow_the_strand():
    forward, backward = parse_location(["join(<1..3,7..9)"]), parse_location(["complement(join(<1..3,7..9))"])
    assert (forward.partial_5, forward.partial_3) == (True, False)
    assert (backward.partial_5, backward.partial_3) == (False, True)


def test_what_one_record_cannot_resolve_is_marked():
    assert parse_location(["join(1..3,U18267.1:1..270)"]).unresolved == "other_accession"
    assert parse_location(["one-of(1888,1901)..2200"]).unresolved == "alternatives"


@given(
    st.lists(st.tuples(st.integers(1, 500), st.integers(0, 80), st.booleans()), min_size=1, max_size=6), st.booleans()
)
def test_generated_locations_round_trip(parts, outer):
    texts = [f"complement({a}..{a + n})" if minus else f"{a}..{a + n}" for a, n, minus in parts]
    text = f"join({','.join(texts)})"
    spans = [Span(a - 1, a + n, -1 if minus else 1) for a, n, minus in parts]
    if outer:
        text, spans = f"complement({text})", [s._replace(strand=-s.strand) for s in reversed(spans)]
    broken = text.replace(",", ",\n").split("\n")  # lines end behind commas, as in the files
    assert parse_location([text]).spans == parse_location(broken).spans == spans


@pytest.mark.parametrize(
    "text", ["", "-2..492", "9..3", "0..5", "join(1..3", "join(1..3))", "1..3,5..6", "gap(100)", "1..x"]
)
def test_anything_else_is_an_error_that_names_the_place(text):
    with pytest.raises(InputError, match=r"f\.gb:7: location"):
        parse_location([text], "f.gb:7")


def test_location_broken_inside_a_number_is_refused():
    with pytest.raises(InputError, match="inside a number"):
        parse_location(["join(1..3,5..1", "2)"])


RECORD = """LOCUS       X1                        12 bp    DNA     linear   UNK 01-JAN-2000
VERSION     X1.1
FEATURES             Location/Qualifiers
     gene            1..12
                     /gene="a""b"
     CDS             {location}
                     /note="one
                     two /not=a qualifier"
                     /pseudo
ORIGIN
        1 acgtacgtac gt
//
"""


def test_quotes_flags_and_wrapped_text(tmp_path):
    (tmp_path / "r.gb").write_text(RECORD.format(location="1..9"))
    (record,) = read_genbank(tmp_path / "r.gb")
    gene, cds = record.features
    assert gene.qualifiers == {"gene": ['a"b']} and record.sequence == "acgtacgtacgt"
    assert cds.qualifiers == {"note": ["one two /not=a qualifier"], "pseudo": [""]} and cds.line == 6


def test_truncated_record_and_bad_feature_are_errors_or_left_out(tmp_path):
    path = tmp_path / "r.gb"
    whole, broken = RECORD.format(location="1..9"), RECORD.format(location="9..1")
    path.write_text(whole.replace("//\n", "") + broken)
    with pytest.raises(InputError, match=r"r\.gb:1: record without its final '//'"):
        list(read_genbank(path))
    errors = []
    (record,) = read_genbank(path, errors.append)
    assert [feature.kind for feature in record.features] == ["gene"] and len(errors) == 2
    path.write_text("nothing here\n")
    with pytest.raises(InputError, match="no GenBank record"):
        list(read_genbank(path))
