"""AdamW, or Muon for the hidden matrices with AdamW for the rest, behind one object.

Muon (Jordan 2024; ``torch.optim.Muon``) replaces each hidden matrix's gradient by its nearest orthogonal matrix. The
embedding, which is also the output layer, and the gains stay with AdamW, as its author advises.
"""

from __future__ import annotations

import inspect
import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from bsm.base.config.training import TrainSettings

Kind = Literal["adamw", "muon"]
MUON_MOMENTUM = 0.95


class Optimiser:
    """All parameters of a network: ``set_learning_rate``, ``step``, ``zero_grad`` and a state to save.

    Weight decay acts on matrices only. The rate is AdamW's; Muon's is ``settings.muon_rate_ratio`` times that.
    """

    def __init__(self, network: nn.Module, settings: TrainSettings, kind: Kind) -> None:
        named = list(network.named_parameters())
        hidden = [p for name, p in named if kind == "muon" and p.ndim == 2 and "embed_tokens" not in name]
        taken = set(map(id, hidden))
        rest = [p for _, p in named if id(p) not in taken]
        groups = [
            {"params": [p for p in rest if p.ndim >= 2], "weight_decay": settings.weight_decay},
            {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0},
        ]
        self._parts: dict[str, torch.optim.Optimizer] = {"adamw": EagerAdamW(groups, betas=settings.betas, fused=True)}
        if hidden:
            self._parts["muon"] = StackedMuon(
                hidden, momentum=MUON_MOMENTUM, weight_decay=settings.weight_decay, lr=settings.muon_rate_ratio
            )
        self._ratios = {"adamw": 1.0, "muon": settings.muon_rate_ratio}

    def set_learning_rate(self, rate: float) -> None:
        for name, part in self._parts.items():
            for group in part.param_groups:
                group["lr"] = rate * self._ratios[name]

    def step(self) -> None:
        for part in self._parts.values():
            part.step()

    def zero_grad(self) -> None:
        for part in self._parts.values():
            part.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, Any]:
        return {name: part.state_dict() for name, part in self._parts.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what ``state_dict`` gave; ValueError or KeyError where it is of other parameters."""
        if state.keys() != self._parts.keys():
            raise KeyError(f"state of {sorted(state)}, optimiser of {sorted(self._parts)}")
        for name, part in self._parts.items():
            part.load_state_dict(state[name])


class EagerAdamW(torch.optim.AdamW):
    """``torch.optim.AdamW`` without its detour through torch's compiler, which takes 1.4 s to import and does nothing
    in eager training."""

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        inspect.unwrap(torch.optim.AdamW.step)(self)


for _name in ("add_param_group", "zero_grad", "state_dict", "load_state_dict"):
    # These ask the compiler to leave them alone, and import it for that; the attribute says that it was asked.
    _method = inspect.unwrap(getattr(torch.optim.Optimizer, _name))
    _method.__dynamo_disable = _method  # type: ignore[attr-defined]


class StackedMuon(torch.optim.Muon):
    """``torch.optim.Muon`` with matrices of equal size orthogonalised together.

    Same numbers, a third less time for a small network, whose single products are too short to fill a core.
    """

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step; parameters without a gradient stay."""
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            gradients = [p.grad for p in parameters]
            momenta = [self._momentum(p) for p in parameters]
            torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
            updates = torch._foreach_lerp(gradients, momenta, group["momentum"])  # Nesterov
            torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
            for members, directions in _stacks(updates):
                for index, direction in zip(members, _orthogonal(directions, group), strict=True):
                    parameter = parameters[index]
                    if direction.shape != parameter.shape:
                        direction = direction.T
                    rows, columns = parameter.shape
                    parameter.add_(direction, alpha=-group["lr"] * math.sqrt(max(1.0, rows / columns)))

    def _momentum(self, parameter: Tensor) -> Tensor:
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        momentum: Tensor = state["momentum_buffer"]
        return momentum


def _stacks(matrices: Sequence[Tensor]) -> list[tuple[list[int], Tensor]]:
    """(indices, bf16 stack) of the matrices of each size, laid so that there are no more rows than columns."""
    members: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, matrix in enumerate(matrices):
        members[min(matrix.shape), max(matrix.shape)].append(index)
    wide = [m.T if m.shape[0] > m.shape[1] else m for m in matrices]
    return [(indices, torch.stack([wide[i].bfloat16() for i in indices])) for indices in members.values()]


def _orthogonal(x: Tensor, group: dict[str, Any]) -> Tensor:
    """Newton-Schulz iteration of torch.optim.Muon on bf16[n_matrices, rows, columns]."""
    a, b, c = group["ns_coefficients"]
    x = x / x.flatten(1).norm(dim=1).clamp(min=group["eps"])[:, None, None]
    for _ in range(group["ns_steps"]):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x
