"""Saved networks: what stock transformers computes from them, and what a damaged folder says."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from bsm.base.errors import InputError
from bsm.engine.attention import Layout
from bsm.engine.network import Network, Shape, initial_network
from bsm.engine.weights import CONFIG, WEIGHTS, load_network, save_network

CONTEXT = 700
LLAMA = Shape(n_layers=2, n_heads=4, width=128, d_ff=96)
PAPER_HEAD = Shape(n_layers=2, n_heads=2, width=112, d_ff=96)  # head size 56, as BSM-270M
QWEN = replace(LLAMA, qk_norm=True)


def loud_network(shape: Shape) -> Network:
    """Random weights large enough that attention is far from uniform, gains that are not 1."""
    network = initial_network(shape, seed=3)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(6) if parameter.ndim == 2 else parameter.uniform_(0.5, 1.5, generator=generator)
    return network


@pytest.mark.parametrize("shape", [LLAMA, PAPER_HEAD, QWEN, replace(QWEN, width=112, n_heads=2)])
def test_stock_transformers_gives_the_same_logits_beyond_position_512(shape, tmp_path):
    save_network(tmp_path, loud_network(shape), CONTEXT)
    stock, report = AutoModelForCausalLM.from_pretrained(
        tmp_path, attn_implementation="eager", output_loading_info=True
    )
    assert type(stock).__name__ == ("Qwen3ForCausalLM" if shape.qk_norm else "LlamaForCausalLM")
    assert not report["missing_keys"] and not report["unexpected_keys"]
    ids = torch.from_numpy(np.random.default_rng(1).integers(0, 64, CONTEXT))
    with torch.no_grad():
        ours = load_network(tmp_path)(ids, Layout.of([CONTEXT]))
        theirs = stock(ids[None]).logits[0]
    assert theirs.std() > 1
    assert (ours - theirs).abs().max() < 2e-4


def test_the_rope_base_of_the_file_is_the_one_that_stock_transformers_uses(tmp_path):
    shape = replace(LLAMA, rope_base=100_000.0)
    save_network(tmp_path, loud_network(shape), CONTEXT)
    stock = AutoModelForCausalLM.from_pretrained(tmp_path)
    expected = 1.0 / 100_000.0 ** (torch.arange(0, 32, 2) / 32)
    assert torch.allclose(stock.model.rotary_emb.inv_freq, expected)
    wrong = load_network(tmp_path)
    wrong.frequencies.copy_(1.0 / 10_000.0 ** (torch.arange(0, 32, 2) / 32))
    ids = torch.arange(CONTEXT) % 64
    with torch.no_grad():
        difference = wrong(ids, Layout.of([CONTEXT])) - stock(ids[None]).logits[0]
    assert difference.abs().max() > 0.1  # a base of 10,000 would be seen by the test of equal logits


def test_what_is_loaded_is_what_was_saved_and_saving_it_again_gives_the_same_bytes(tmp_path):
    network = loud_network(QWEN)
    save_network(tmp_path / "a", network, CONTEXT)
    loaded = load_network(tmp_path / "a")
    save_network(tmp_path / "b", loaded, CONTEXT)
    assert loaded.shape == QWEN
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), loaded.parameters(), strict=True))
    for name in (WEIGHTS, CONFIG):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize(
    "shape, millions",
    [(Shape(12, 12, 768, 2944), 109.78), (Shape(20, 16, 896, 3840), 270.76)],
)
def test_the_papers_models_have_the_papers_parameter_counts(shape, millions):
    with torch.device("meta"):
        network = Network(shape)
    n_parameters = sum(parameter.numel() for parameter in network.parameters())
    assert n_parameters == shape.n_parameters
    assert round(n_parameters / 1e6, 2) == millions


def truncate(folder):
    path = folder / WEIGHTS
    path.write_bytes(path.read_bytes()[:-100])


def overwrite(folder):
    (folder / WEIGHTS).write_bytes(b"no safetensors at all")


def remove(folder):
    (folder / WEIGHTS).unlink()


def swap(folder):
    save_network(folder / "other", loud_network(replace(LLAMA, d_ff=64)), CONTEXT)
    (folder / "other" / WEIGHTS).replace(folder / WEIGHTS)


def change(key, value):
    def apply(folder):
        config = json.loads((folder / CONFIG).read_text())
        (folder / CONFIG).write_text(json.dumps(config | {key: value}))

    return apply


@pytest.mark.parametrize(
    "damage, message",
    [
        (truncate, "cannot read weights"),
        (overwrite, "cannot read weights"),
        (remove, "cannot read weights"),
        (swap, r"shape \(128, 64\), this network needs \(128, 96\) \(6 tensors differ\)"),
        (change("model_type", "gpt2"), "model_type must be 'llama'"),
        (change("num_key_value_heads", 1), "num_key_value_heads must be 4"),
        (change("head_dim", 64), "head_dim must be 32"),
        (change("rope_parameters", None), "not a config of a network"),
        (change("num_attention_heads", 0), "not a config of a network"),
    ],
)
def test_a_damaged_or_foreign_folder_is_one_clear_error(damage, message, tmp_path):
    save_network(tmp_path, loud_network(LLAMA), CONTEXT)
    damage(tmp_path)
    with pytest.raises(InputError, match=message):
        load_network(tmp_path)
