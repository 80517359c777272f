"""The optimiser: which parameter is whose, and torch's own optimisers as reference."""

from __future__ import annotations

import copy

import pytest
import torch

from bsm.base.config.training import Round, TrainSettings
from bsm.engine.network import Shape, initial_network
from bsm.engine.optimiser import Optimiser, StackedMuon

SHAPE = Shape(n_layers=2, n_heads=2, width=32, d_ff=80, qk_norm=True)


def settings(**values) -> TrainSettings:
    return TrainSettings(
        rounds=[Round(name="round1", mix="m", n_tokens=1, learning_rate_start=1e-3, learning_rate_end=0)], **values
    )


def parameters_of(part) -> set[int]:
    return {id(p) for group in part.param_groups for p in group["params"]}


def random_gradients(network, seed):
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)


def test_muon_has_exactly_the_hidden_matrices_and_adamw_the_rest():
    network = initial_network(SHAPE, 1)
    optimiser = Optimiser(network, settings(), "muon")
    muon, adamw = (parameters_of(optimiser._parts[name]) for name in ("muon", "adamw"))
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    assert muon | adamw == names.keys() and not muon & adamw
    assert {names[i].split(".")[-2] for i in muon} == {
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
    }  # fmt: skip
    assert len(muon) == 7 * SHAPE.n_layers


def test_weight_decay_is_on_matrices_only():
    network = initial_network(SHAPE, 1)
    optimiser = Optimiser(network, settings(weight_decay=0.25), "adamw")
    for group in optimiser._parts["adamw"].param_groups:
        assert {p.ndim for p in group["params"]} == ({2} if group["weight_decay"] else {1})
        assert group["weight_decay"] in (0.25, 0.0)


def test_muons_rate_is_the_stated_ratio_of_adamws():
    optimiser = Optimiser(initial_network(SHAPE, 1), settings(muon_rate_ratio=7.0), "muon")
    optimiser.set_learning_rate(2e-3)
    assert {g["lr"] for g in optimiser._parts["adamw"].param_groups} == {2e-3}
    assert {g["lr"] for g in optimiser._parts["muon"].param_groups} == {14e-3}


def test_stacked_muon_takes_the_steps_of_torch_muon():
    network = initial_network(SHAPE, 1)
    matrices = {"torch": [p.detach().clone() for p in network.parameters() if p.ndim == 2]}
    matrices["stacked"] = [p.clone() for p in matrices["torch"]]
    start = [p.clone() for p in matrices["torch"]]
    pair = {
        "torch": torch.optim.Muon(matrices["torch"], lr=0.02, momentum=0.9, weight_decay=0.3),
        "stacked": StackedMuon(matrices["stacked"], lr=0.02, momentum=0.9, weight_decay=0.3),
    }
    generator = torch.Generator().manual_seed(2)
    for _ in range(5):
        gradients = [torch.randn(p.shape, generator=generator) for p in start]
        for name, optimiser in pair.items():
            for parameter, gradient in zip(matrices[name], gradients, strict=True):
                parameter.grad = gradient.clone()
            optimiser.step()
    for ours, theirs, before in zip(matrices["stacked"], matrices["torch"], start, strict=True):
        moved = (theirs - before).abs().max()
        assert (ours - theirs).abs().max() < 0.01 * moved  # bf16 products of another blocking


def test_adamw_takes_the_steps_of_plain_torch_adamw():
    ours, theirs = initial_network(SHAPE, 1), initial_network(SHAPE, 1)
    optimiser = Optimiser(ours, settings(weight_decay=0.0), "adamw")
    optimiser.set_learning_rate(1e-3)
    reference = torch.optim.AdamW(theirs.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.0, foreach=False)
    for seed in range(5):
        random_gradients(ours, seed)
        random_gradients(theirs, seed)
        optimiser.step()
        reference.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_a_saved_and_loaded_optimiser_goes_on_bit_for_bit(kind, tmp_path):
    network = initial_network(SHAPE, 1)
    optimiser = Optimiser(network, settings(), kind)
    optimiser.set_learning_rate(1e-3)
    for seed in range(3):
        random_gradients(network, seed)
        optimiser.step()
    torch.save(optimiser.state_dict(), tmp_path / "state.pt")
    other = copy.deepcopy(network)
    resumed = Optimiser(other, settings(), kind)
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    for net, opt in ((network, optimiser), (other, resumed)):
        random_gradients(net, 9)
        opt.set_learning_rate(5e-4)
        opt.step()
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), other.parameters(), strict=True))


def test_a_state_of_the_other_optimiser_is_refused():
    network = initial_network(SHAPE, 1)
    state = Optimiser(network, settings(), "adamw").state_dict()
    with pytest.raises(KeyError):
        Optimiser(network, settings(), "muon").load_state_dict(state)
