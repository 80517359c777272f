"""Log-likelihoods: convention, float64 reference one by one, independence of neighbours, shared prefixes."""

from __future__ import annotations

import numpy as np
import pytest
from engine_reference import random_network, reference_log_likelihoods, reference_logits
from hypothesis import given, settings
from hypothesis import strategies as st

from bsm.base.alphabet import AMINO_ACIDS, Modality, decode, encode
from bsm.base.errors import InputError
from bsm.base.progress import Progress
from bsm.engine.prefix import common_path, shared_log_likelihoods
from bsm.engine.scorer import document, letters, log_likelihoods, log_likelihoods_among

DNA, PROTEIN = Modality.DNA, Modality.PROTEIN
NETWORKS = {qk_norm: random_network(qk_norm=qk_norm) for qk_norm in (False, True)}
TOLERANCE = 1e-5
"""Per token: rounding of fp32 products whose blocking follows the batch."""


def random_documents(lengths, seed=0):
    rng = np.random.default_rng(seed)
    return [document([(PROTEIN, "".join(rng.choice(list(AMINO_ACIDS), n)))]) for n in lengths]


def assert_close(found, wanted, tolerance):
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


def test_a_document_is_its_pieces_between_bos_sep_and_eos():
    ids = document([(DNA, "acgtn"), (PROTEIN, "MKX"), (Modality.RNA, "tt")])
    assert decode(ids) == "<bos>acgtn<sep>MKX<sep>tt<eos>"
    assert ids.dtype == np.uint8


@pytest.mark.parametrize("pieces", [[], [(DNA, "")], [(DNA, "ACGT")], [(PROTEIN, "acgt")], [(PROTEIN, "M*")]])
def test_a_document_refuses_what_is_no_sequence_of_its_modality(pieces):
    with pytest.raises(InputError):
        document(pieces)


def test_letters_selects_the_entries_of_a_piece():
    pieces = [(DNA, "acgtn"), (PROTEIN, "MK"), (DNA, "ttt")]
    predicted = document(pieces)[1:]
    for index in (0, 1, 2, -1, -3):
        assert decode(predicted[letters(pieces, index)]) == pieces[index][1]


@pytest.mark.parametrize("qk_norm", [False, True])
@given(lengths=st.lists(st.integers(1, 60), min_size=1, max_size=8), seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_log_likelihoods_equal_a_float64_network_one_document_at_a_time(qk_norm, lengths, seed):
    documents = random_documents(lengths, seed)
    wanted = [reference_log_likelihoods(NETWORKS[qk_norm], ids) for ids in documents]
    assert_close(log_likelihoods(NETWORKS[qk_norm], documents, 100), wanted, 1e-4)
    assert_close(shared_log_likelihoods(NETWORKS[qk_norm], documents, 100), wanted, 1e-4)


@given(lengths=st.lists(st.integers(1, 60), min_size=2, max_size=8), batch_tokens=st.integers(1, 400), data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_score_does_not_depend_on_neighbours_batch_size_or_order(lengths, batch_tokens, data):
    documents = random_documents(lengths)
    alone = [log_likelihoods(NETWORKS[True], [ids], 1)[0] for ids in documents]
    order = data.draw(st.permutations(range(len(documents))))
    found = log_likelihoods(NETWORKS[True], [documents[i] for i in order], batch_tokens)
    assert_close(found, [alone[i] for i in order], TOLERANCE)


def test_the_same_batch_gives_the_same_bits_whatever_the_neighbours_letters_are():
    one, two = random_documents([40, 40, 40], seed=1), random_documents([40, 40, 40], seed=2)
    two[1] = one[1]
    first, second = (log_likelihoods(NETWORKS[True], documents, 1000)[1] for documents in (one, two))
    assert np.array_equal(first, second)


def test_probabilities_renormalised_over_the_amino_acids_equal_those_of_the_cut_softmax():
    ids = document([(PROTEIN, "MKXLLW")])
    among = encode(AMINO_ACIDS)
    everywhere, found = log_likelihoods_among(NETWORKS[True], [ids, ids], 100, among)[1]
    np.testing.assert_allclose(everywhere, log_likelihoods(NETWORKS[True], [ids], 100)[0], rtol=0, atol=TOLERANCE)
    logits = reference_logits(NETWORKS[True], ids)[:-1][:, among]
    wanted = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    is_one = np.isin(ids[1:], among)
    assert np.array_equal(np.isnan(found), ~is_one) and not is_one[2] and not is_one[-1]
    columns = [AMINO_ACIDS.index(decode(ids[1:])[i]) for i in np.flatnonzero(is_one)]
    np.testing.assert_allclose(found[is_one], wanted[is_one, columns], rtol=0, atol=1e-4)


def test_every_document_counts_once_in_the_progress():
    documents = random_documents([5, 9, 9, 30]) + random_documents([5])
    for scores in (log_likelihoods, shared_log_likelihoods):
        with Progress("scored") as progress:
            scores(NETWORKS[True], documents, 20, progress)
        assert progress.done == 5


def test_a_document_without_a_predicted_token_is_refused():
    with pytest.raises(ValueError, match="predicted"):
        log_likelihoods(NETWORKS[True], [np.array([1], dtype=np.uint8)], 10)


def point_mutants(wild_type: str, n: int, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    found = [wild_type]
    for position in rng.integers(0, len(wild_type), n):
        found.append(wild_type[:position] + str(rng.choice(list(AMINO_ACIDS))) + wild_type[position + 1 :])
    return [document([(PROTEIN, sequence)]) for sequence in found]


@pytest.mark.parametrize("qk_norm", [False, True])
@pytest.mark.parametrize("batch_tokens", [1, 500, 5000])
def test_variants_with_a_shared_prefix_score_as_without_sharing(qk_norm, batch_tokens):
    documents = point_mutants("".join(np.random.default_rng(5).choice(list(AMINO_ACIDS), 90)), 40, 3)
    found = shared_log_likelihoods(NETWORKS[qk_norm], documents, batch_tokens)
    assert_close(found, log_likelihoods(NETWORKS[qk_norm], documents, 1000), 1e-4)


@given(
    texts=st.lists(st.text(alphabet="acgt", min_size=1, max_size=12), min_size=1, max_size=8),
    shared=st.text(alphabet="acgt", max_size=20), batch_tokens=st.integers(1, 80),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_sharing_holds_for_insertions_deletions_and_equal_documents(texts, shared, batch_tokens):
    documents = [document([(DNA, shared + text)]) for text in texts]
    found = shared_log_likelihoods(NETWORKS[True], documents, batch_tokens)
    assert_close(found, log_likelihoods(NETWORKS[True], documents, 1000), 1e-4)


def test_the_common_path_of_point_mutants_is_the_wild_type():
    wild_type = "MKTLLDERWYMKTLLDERWY"
    documents = point_mutants(wild_type, 60, seed=2)
    reference, n_shared = common_path(documents)
    assert decode(reference) == f"<bos>{wild_type}<eos>"
    for ids, n in zip(documents, n_shared, strict=True):
        assert np.array_equal(ids[:n], reference[:n]) and (n == len(ids) or ids[n] != reference[n])


def test_the_shared_beginning_is_run_once():
    documents = [document([(DNA, "ac" * 30 + a + b + "ga")]) for a in "acgt" for b in "acgt"]
    n_run = []
    hook = NETWORKS[True].model.embed_tokens.register_forward_hook(lambda _, given, out: n_run.append(given[0].numel()))
    shared_log_likelihoods(NETWORKS[True], documents, 1000)
    hook.remove()
    reference = 1 + 64 + 1
    assert n_run == [reference, 15 * 4]  # one document is the reference itself, the others differ near their ends


def test_no_documents_give_no_scores():
    assert log_likelihoods(NETWORKS[True], [], 10) == shared_log_likelihoods(NETWORKS[True], [], 10) == []
