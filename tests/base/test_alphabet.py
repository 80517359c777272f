"""The letters: ids never change, foreign letters follow the stated policy, nothing else gets in."""

from __future__ import annotations

import numpy as np
import pytest
from Bio.Seq import Seq
from hypothesis import given
from hypothesis import strategies as st

from bsm.base import alphabet
from bsm.base.errors import InputError

nucleotides = st.text(alphabet="acgtn")
proteins = st.text(alphabet=alphabet.AMINO_ACIDS + alphabet.RARE_AMINO_ACIDS)


def test_token_ids_are_the_published_ones():
    text = "<pad> <bos> <eos> <sep> <unk> a c g t n A C D E F G H I K L M N P Q R S T V W Y X U O"
    assert {token: index for index, token in enumerate(text.split())} == alphabet.TOKEN_IDS
    assert len(alphabet.TOKENS) <= alphabet.VOCABULARY_SIZE


@given(st.lists(st.one_of(nucleotides, proteins)).map("".join))
def test_decoding_gives_back_what_was_encoded(letters):
    assert alphabet.decode(alphabet.encode(letters)) == letters


def test_special_tokens_are_spelled_out():
    ids = np.array([alphabet.BOS, *alphabet.encode("ac"), alphabet.SEP, *alphabet.encode("MA"), alphabet.EOS])
    assert alphabet.decode(ids) == "<bos>ac<sep>MA<eos>"


def test_adenine_and_alanine_are_different_tokens():
    assert alphabet.TOKEN_IDS["a"] != alphabet.TOKEN_IDS["A"]


def test_every_byte_outside_the_alphabet_is_refused():
    allowed = set(alphabet.LETTERS)
    for code in range(128):
        if chr(code) not in allowed:
            with pytest.raises(InputError, match="letter outside the alphabet"):
                alphabet.encode(chr(code))


@given(st.text(alphabet="ACGTUNacgtunRYSWKMBDHV"))
def test_nucleotides_become_lower_case_with_t_for_u_and_n_for_iupac_codes(raw):
    letters, n_changed = alphabet.normalise_nucleotides(raw)
    expected = "".join(c if c in "acgtn" else "n" for c in raw.lower().replace("u", "t"))
    assert letters == expected
    assert n_changed == sum(c in "RYSWKMBDHV" for c in raw)


@given(st.text(alphabet="ACDEFGHIKLMNPQRSTVWYXUOBJZ"))
def test_ambiguous_amino_acids_become_x_and_are_counted(raw):
    letters, n_changed = alphabet.normalise_protein(raw.lower() + "*")
    assert letters == raw.replace("B", "X").replace("J", "X").replace("Z", "X")
    assert n_changed == sum(c in "BJZ" for c in raw)


@pytest.mark.parametrize("raw", ["AC-GT", "ACGT*", "ACGT1", "AC GT", "ACGE", "acgtµ"])
def test_a_nucleotide_record_with_foreign_letters_is_an_error_that_names_them(raw):
    with pytest.raises(InputError, match=r"file\.fa:3.*no nucleotides"):
        alphabet.normalise_nucleotides(raw, where="file.fa:3")


@pytest.mark.parametrize("raw", ["M*A", "M-A", "M A", "MA1", "*MA"])
def test_a_protein_with_an_inner_stop_or_foreign_letters_is_an_error(raw):
    with pytest.raises(InputError, match="no amino acids"):
        alphabet.normalise_protein(raw)


@given(nucleotides)
def test_reverse_complement_equals_biopython(letters):
    assert alphabet.reverse_complement(letters) == str(Seq(letters).reverse_complement())


@pytest.mark.parametrize(
    ("text", "expected"), [("ACGTACGTAC", True), ("ACGUNACGUE", True), ("MKTAYIAKQR", False), ("", False)]
)
def test_text_that_is_nine_tenths_nucleotide_letters_is_recognised(text, expected):
    assert alphabet.looks_like_nucleotides(text) is expected
