"""The network against references: a float64 numpy version, stock transformers, and itself one document at a time."""

from __future__ import annotations

import copy
import importlib
import inspect
import sys
import types

import numpy as np
import pytest
import torch
from engine_reference import plain_attention, random_network, reference_logits
from hypothesis import given, settings
from hypothesis import strategies as st

from bsm.base.errors import ConfigError
from bsm.engine.attention import LONGEST_PLAIN, Layout, attend, choose_back_end
from bsm.engine.network import Network, Shape, initial_network

LENGTHS = st.lists(st.integers(1, 70), min_size=1, max_size=7)
NETWORKS = {qk_norm: random_network(qk_norm=qk_norm) for qk_norm in (False, True)}


def random_ids(lengths, seed=0):
    return np.random.default_rng(seed).integers(0, 33, sum(lengths))


def logits_of(network: Network, ids, lengths):
    with torch.inference_mode():
        return network(torch.from_numpy(np.asarray(ids)), Layout.of(np.cumsum(lengths))).numpy()


def documents(values, lengths):
    return np.split(values, np.cumsum(lengths)[:-1])


@pytest.mark.parametrize("back_end", ["bucketed", "sdpa"])
@given(lengths=LENGTHS, seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_attention_equals_softmax_written_out_in_float64(back_end, lengths, seed):
    q, k, v = np.random.default_rng(seed).normal(size=(3, sum(lengths), 2, 8))
    wanted = [plain_attention(*one) for one in zip(*(documents(x, lengths) for x in (q, k, v)), strict=True)]
    double = attend(*map(torch.from_numpy, (q, k, v)), Layout.of(np.cumsum(lengths)), back_end)
    np.testing.assert_allclose(double.numpy(), np.concatenate(wanted), rtol=0, atol=1e-12)
    single = attend(*(torch.from_numpy(x).float() for x in (q, k, v)), Layout.of(np.cumsum(lengths)), back_end)
    np.testing.assert_allclose(single.numpy(), np.concatenate(wanted), rtol=0, atol=2e-6)


def test_back_ends_agree_where_the_bucketed_one_hands_over_to_the_fused_kernel():
    lengths = [LONGEST_PLAIN - 1, LONGEST_PLAIN + 1, 5]
    q, k, v = torch.randn(3, sum(lengths), 2, 8, generator=torch.Generator().manual_seed(1))
    layout = Layout.of(np.cumsum(lengths))
    torch.testing.assert_close(attend(q, k, v, layout, "bucketed"), attend(q, k, v, layout, "sdpa"), rtol=0, atol=5e-6)


def test_head_size_56_of_the_larger_model_works_on_both_back_ends():
    q, k, v = torch.randn(3, 40, 3, 56, generator=torch.Generator().manual_seed(1))
    wanted = plain_attention(*(x.double().numpy() for x in (q, k, v)))
    for back_end in ("bucketed", "sdpa"):
        found = attend(q, k, v, Layout.of([40]), back_end).numpy()
        np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-6)


@pytest.mark.parametrize("qk_norm", [False, True])
@given(lengths=LENGTHS, seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_logits_of_packed_documents_equal_a_float64_network_one_document_at_a_time(qk_norm, lengths, seed):
    ids = random_ids(lengths, seed)
    found = logits_of(NETWORKS[qk_norm], ids, lengths)
    wanted = np.concatenate([reference_logits(NETWORKS[qk_norm], one) for one in documents(ids, lengths)])
    np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-4 * max(1.0, np.abs(wanted).max() / 20))


@given(lengths=st.lists(st.integers(1, 70), min_size=2, max_size=6), data=st.data())
@settings(max_examples=30, deadline=None)
def test_a_change_in_one_document_leaves_the_others_logits_bit_equal(lengths, data):
    ids = random_ids(lengths)
    changed = data.draw(st.integers(0, len(lengths) - 1))
    other = np.concatenate([
        (one + (index == changed)) % 33 for index, one in enumerate(documents(ids, lengths))
    ])  # fmt: skip
    before, after = (documents(logits_of(NETWORKS[True], x, lengths), lengths) for x in (ids, other))
    for index in range(len(lengths)):
        assert np.array_equal(before[index], after[index]) == (index != changed)


@given(lengths=LENGTHS, seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_the_order_of_documents_in_a_batch_does_not_matter(lengths, seed):
    ids = random_ids(lengths, seed)
    order = np.random.default_rng(seed).permutation(len(lengths))
    moved = np.concatenate([documents(ids, lengths)[i] for i in order])
    before = documents(logits_of(NETWORKS[True], ids, lengths), lengths)
    after = documents(logits_of(NETWORKS[True], moved, [lengths[i] for i in order]), [lengths[i] for i in order])
    for place, index in enumerate(order):
        np.testing.assert_allclose(after[place], before[index], rtol=0, atol=2e-4)


@given(length=st.integers(2, 90), data=st.data())
@settings(max_examples=30, deadline=None)
def test_a_later_letter_never_changes_an_earlier_logit(length, data):
    position = data.draw(st.integers(1, length - 1))
    ids = random_ids([length])
    changed = ids.copy()
    changed[position] = (changed[position] + 1) % 33
    before, after = (logits_of(NETWORKS[True], x, [length]) for x in (ids, changed))
    assert np.array_equal(before[:position], after[:position])
    assert not np.array_equal(before[position], after[position])


@pytest.mark.parametrize("qk_norm", [False, True])
@pytest.mark.parametrize("rope_base", [10_000.0, 100_000.0])
def test_logits_equal_those_of_stock_transformers_with_the_same_weights(qk_norm, rope_base):
    transformers = pytest.importorskip("transformers")
    shape = Shape(n_layers=3, n_heads=4, width=224, d_ff=96, rope_base=rope_base, qk_norm=qk_norm)  # head size 56
    network = random_network(scale=4.0, **vars(shape))
    config_class, model_class = (
        (transformers.Qwen3Config, transformers.Qwen3ForCausalLM) if qk_norm
        else (transformers.LlamaConfig, transformers.LlamaForCausalLM)
    )  # fmt: skip
    config = config_class(
        vocab_size=64, hidden_size=224, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=4, head_dim=56, max_position_embeddings=1024, rms_norm_eps=1e-6, tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": rope_base},
    )  # fmt: skip
    stock = model_class(config).eval()
    missing, unexpected = stock.load_state_dict(network.state_dict(), strict=False)
    assert missing == ["lm_head.weight"] and not unexpected  # tied to the embedding
    stock.tie_weights()
    ids = random_ids([700])  # beyond position 512
    with torch.inference_mode():
        wanted = stock(torch.from_numpy(ids)[None]).logits[0].numpy()
    np.testing.assert_allclose(logits_of(network, ids, [700]), wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.parametrize(
    ("shape", "millions"), [(Shape(12, 12, 768, 2944), 109.78), (Shape(20, 16, 896, 3840), 270.76)]
)
def test_the_papers_sizes_have_the_papers_parameter_counts(shape, millions):
    with torch.device("meta"):
        counted = sum(p.numel() for p in Network(shape).parameters())
    assert counted == shape.n_parameters
    assert round(counted / 1e6, 2) == millions


def test_counted_parameters_include_the_gains_of_qk_norm():
    shape = Shape(2, 2, 24, 40, qk_norm=True)
    assert sum(p.numel() for p in initial_network(shape, 1).parameters()) == shape.n_parameters


def test_initial_weights_are_a_pure_function_of_the_seed():
    one, same, other = (initial_network(Shape(1, 2, 16, 24), seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["model.embed_tokens.weight"], other["model.embed_tokens.weight"])


@given(lengths=LENGTHS)
def test_layout_stacks_every_token_once_and_pads_a_document_by_at_most_a_quarter_and_one_step(lengths):
    layout = Layout.of(np.cumsum(lengths))
    stacked = torch.cat([bucket.flatten() for bucket in layout.buckets])
    assert torch.equal(stacked[layout.unstack], torch.arange(sum(lengths)))
    assert layout.positions.tolist() == [i for n in lengths for i in range(n)]
    for bucket in layout.buckets:
        own = (layout.positions[bucket[:, -1]] + 1).tolist()
        assert all(n <= bucket.shape[1] < 1.27 * n + 16 for n in own)
        assert bucket.shape[1] % 16 == 0


@pytest.mark.parametrize("ends", [[], [3, 3], [0, 4]])
def test_layout_refuses_empty_documents(ends):
    with pytest.raises(ValueError, match="at least one token"):
        Layout.of(ends)


def test_a_network_in_float64_computes_in_float64():
    double = copy.deepcopy(NETWORKS[True]).double()
    ids, layout = torch.from_numpy(random_ids([30, 61, 7])), Layout.of([30, 91, 98])
    with torch.inference_mode():
        packed = double(ids, layout)
        double.back_end = "sdpa"
        fused = double(ids, layout)
        alone = torch.cat([double(one, Layout.of([len(one)])) for one in ids.split([30, 61, 7])])
        single = NETWORKS[True](ids, layout)
    assert packed.dtype == torch.float64
    for other in (fused, alone):
        torch.testing.assert_close(packed, other, rtol=0, atol=1e-11)
    assert 1e-9 < (packed - single).abs().max() < 1e-3


@pytest.mark.parametrize("back_end", ["varlen", "flash"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_flash_kernels_never_see_what_they_cannot_take(back_end, dtype):
    q, k, v = torch.randn(3, 40, 2, 8, dtype=dtype, generator=torch.Generator().manual_seed(1))
    layout = Layout.of([15, 40])
    assert torch.equal(attend(q, k, v, layout, back_end), attend(q, k, v, layout, "sdpa"))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_varlen_kernel_of_the_installed_torch_takes_our_arguments(dtype, monkeypatch):
    module = importlib.import_module("torch.nn.attention.varlen")
    signature = inspect.signature(module.varlen_attn)
    calls = []

    def spy(*args, **options):
        calls.append(signature.bind(*args, **options).arguments)
        return args[0]

    monkeypatch.setattr(module, "varlen_attn", spy)
    q = torch.ones(9, 2, 8, dtype=dtype)
    assert attend(q, q + 1, q + 2, Layout.of([4, 9]), "varlen") is q
    (found,) = calls
    assert found["cu_seq_q"].tolist() == found["cu_seq_k"].tolist() == [0, 4, 9]
    assert found["cu_seq_q"].dtype == torch.int32
    assert (found["max_q"], found["max_k"], found["window_size"]) == (5, 5, (-1, 0))  # (-1, 0) is causal there
    assert found["key"].mean() == 2 and found["value"].mean() == 3


def test_flash_attn_gets_ends_and_lengths_and_is_asked_for_causal_attention(monkeypatch):
    calls = []
    package = types.ModuleType("flash_attn")
    package.flash_attn_varlen_func = lambda *args, **options: calls.append((args, options)) or args[0]
    monkeypatch.setitem(sys.modules, "flash_attn", package)
    q = torch.ones(9, 2, 8, dtype=torch.bfloat16)
    assert attend(q, q, q, Layout.of([4, 9]), "flash") is q
    ((args, options),) = calls
    assert [x.tolist() for x in args[3:5]] == [[0, 4, 9]] * 2 and args[5:] == (5, 5) and options == {"causal": True}


@pytest.mark.parametrize(
    ("precision", "head_size", "capability", "flash_attn", "expected"),
    [
        ("bf16", 64, (9, 0), True, "flash"), ("bf16", 56, (8, 0), True, "flash"), ("bf16", 64, (8, 0), False, "varlen"),
        ("bf16", 64, (7, 5), True, "sdpa"), ("bf16", 64, (7, 5), False, "sdpa"), ("fp32", 64, (9, 0), True, "sdpa"),
        ("bf16", 12, (9, 0), True, "sdpa"),
    ],
)  # fmt: skip
def test_a_gpu_gets_the_fastest_kernel_that_it_can_run(
    precision, head_size, capability, flash_attn, expected, monkeypatch
):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    # None makes the import fail, as an absent package does; find_spec would also see one that does not load.
    monkeypatch.setitem(sys.modules, "flash_attn", types.ModuleType("flash_attn") if flash_attn else None)
    assert choose_back_end("cuda", head_size, precision)[0] == expected


def test_a_flash_attn_that_is_installed_and_does_not_load_is_not_chosen(tmp_path, monkeypatch):
    (tmp_path / "flash_attn.py").write_text("raise ImportError('undefined symbol: of another torch')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "flash_attn", raising=False)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    back_end, reason = choose_back_end("cuda", 64, "bf16")
    assert back_end == "varlen" and "undefined symbol" in reason


def test_an_unknown_back_end_is_refused_and_a_cpu_gets_the_bucketed_one():
    q = torch.zeros(1, 1, 2)
    with pytest.raises(ConfigError, match="unknown attention back end"):
        attend(q, q, q, Layout.of([1]), "other")
    assert choose_back_end("cpu", 64, "bf16")[0] == "bucketed"
