"""Translation equals Biopython's under every NCBI table."""

from __future__ import annotations

import pytest
from Bio.Data import CodonTable
from Bio.Seq import Seq
from hypothesis import given
from hypothesis import strategies as st

from bsm.base.codes import CODONS, genetic_code, start_codons, translate
from bsm.base.errors import InputError

TABLES = sorted(CodonTable.unambiguous_dna_by_id)
# 27, 28 and 31 read some codons as stop or amino acid by context; Biopython and we then name the amino acid
AMBIGUOUS = {27, 28, 31}


@pytest.mark.parametrize("table", [t for t in TABLES if t not in AMBIGUOUS])
def test_every_codon_translates_as_in_biopython(table):
    cds = "".join(CODONS)
    assert translate(cds, table) == str(Seq(cds).translate(table=table))


@given(st.text(alphabet="acgt"), st.sampled_from([1, 2, 4, 5, 11, 12, 26]))
def test_translation_of_any_letters_equals_biopython(letters, table):
    whole = letters[: len(letters) // 3 * 3]
    assert translate(letters, table) == str(Seq(whole).translate(table=table))


def test_codons_with_n_are_x_and_a_partial_codon_is_left_out():
    assert translate("atgnnnaan" + "at") == "MXX"


def test_cug_is_serine_in_table_12_and_leucine_in_table_1():
    assert (translate("ctg", 12), translate("ctg", 1)) == ("S", "L")


def test_mitochondrial_aga_is_a_stop_and_tga_tryptophan():
    assert translate("agatga", 2) == "*W"


def test_start_codons_of_bacteria_include_gtg():
    assert {"atg", "gtg", "ttg"} <= start_codons(11)


def test_an_unknown_table_is_an_error_that_lists_the_known_ones():
    with pytest.raises(InputError, match=r"unknown genetic code.*7.*NCBI tables: 1, 2"):
        genetic_code(7)
