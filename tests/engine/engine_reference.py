"""The network written a second time: numpy, float64, one document, one head, one token after the other."""

from __future__ import annotations

import numpy as np
import torch

from bsm.engine.network import NORM_EPSILON, Network, Shape, initial_network


def random_network(seed: int = 1, scale: float = 8.0, **shape) -> Network:
    """A small network whose weights are large enough for sharp attention and uneven predictions."""
    network = initial_network(Shape(**({"n_layers": 2, "n_heads": 2, "width": 24, "d_ff": 40} | shape)), seed)
    for parameter in network.parameters():
        if parameter.ndim > 1:
            parameter.data *= scale
        else:
            noise = np.random.default_rng(seed).normal(scale=0.2, size=parameter.shape)
            parameter.data += torch.from_numpy(noise).float()
    return network


def reference_logits(network: Network, ids: np.ndarray) -> np.ndarray:
    """float64[n_tokens, 64] for one document."""
    w = {name: p.detach().cpu().double().numpy() for name, p in network.named_parameters()}
    shape = network.shape
    x = w["model.embed_tokens.weight"][ids]
    for i in range(shape.n_layers):
        layer = f"model.layers.{i}"
        x = x + _attention(w, layer, _norm(x, w[f"{layer}.input_layernorm.weight"]), shape)
        h = _norm(x, w[f"{layer}.post_attention_layernorm.weight"])
        gate = h @ w[f"{layer}.mlp.gate_proj.weight"].T
        up = h @ w[f"{layer}.mlp.up_proj.weight"].T
        x = x + (gate / (1 + np.exp(-gate)) * up) @ w[f"{layer}.mlp.down_proj.weight"].T
    return _norm(x, w["model.norm.weight"]) @ w["model.embed_tokens.weight"].T


def reference_log_likelihoods(network: Network, ids: np.ndarray) -> np.ndarray:
    """float64[n_tokens - 1]: log-probability of every token after the first."""
    logits = reference_logits(network, ids)[:-1]
    logits = logits - logits.max(-1, keepdims=True)
    return logits[np.arange(len(ids) - 1), ids[1:]] - np.log(np.exp(logits).sum(-1))


def plain_attention(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Causal softmax attention of one document, [n_tokens, n_heads, head_size] in float64, token by token."""
    out = np.zeros(q.shape)
    for head in range(q.shape[1]):
        for t in range(len(q)):
            scores = k[: t + 1, head] @ q[t, head] / np.sqrt(q.shape[2])
            weights = np.exp(scores - scores.max())
            out[t, head] = (weights / weights.sum()) @ v[: t + 1, head]
    return out


def _norm(x: np.ndarray, gain: np.ndarray) -> np.ndarray:
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + NORM_EPSILON) * gain


def _attention(w: dict, layer: str, x: np.ndarray, shape: Shape) -> np.ndarray:
    q, k, v = (
        (x @ w[f"{layer}.self_attn.{name}_proj.weight"].T).reshape(len(x), shape.n_heads, shape.head_size)
        for name in "qkv"
    )
    if shape.qk_norm:
        q, k = (_norm(y, w[f"{layer}.self_attn.{name}_norm.weight"]) for name, y in (("q", q), ("k", k)))
    mixed = plain_attention(_turn(q, shape), _turn(k, shape), v)
    return mixed.reshape(len(x), -1) @ w[f"{layer}.self_attn.o_proj.weight"].T


def _turn(x: np.ndarray, shape: Shape) -> np.ndarray:
    """Rotary positions as complex multiplication of the pairs (i, i + half)."""
    half = shape.head_size // 2
    angles = np.arange(len(x))[:, None] / shape.rope_base ** (np.arange(half) / half)
    turned = (x[..., :half] + 1j * x[..., half:]) * np.exp(1j * angles)[:, None, :]
    return np.concatenate([turned.real, turned.imag], axis=-1)
