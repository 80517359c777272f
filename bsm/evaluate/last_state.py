"""``Network.hidden`` at the last token of each document alone.

Of the last layer only keys and values are needed at every token; queries, output and feed-forward are computed for the
last tokens. In a network of two layers that makes a step of fine-tuning 1.5 times as fast, in one of twelve 7 %.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bsm.engine.attention import Layout
from bsm.engine.network import Network, rotate


def last_states(network: Network, ids: Tensor, layout: Layout) -> Tensor:
    """float[n_documents, width]: the rows of ``network.hidden(ids, layout)`` at the documents' last tokens."""
    angles = torch.outer(layout.positions.float(), network.frequencies)  # type: ignore[arg-type]
    turn = torch.stack([angles.cos(), angles.sin()])[:, :, None, :]
    x = network.model.embed_tokens(ids)
    layers: list[Any] = list(network.model.layers)
    for layer in layers[:-1]:
        x = layer(x, turn, layout, network.back_end)
    last = layers[-1]
    tokens = layout.ends[1:].long() - 1
    y = x[tokens] + _attend_from(tokens, last.self_attn, last.input_layernorm(x), turn, layout)
    states: Tensor = network.model.norm(y + last.mlp(last.post_attention_layernorm(y)))
    return states


def _attend_from(tokens: Tensor, attention: Any, x: Tensor, turn: Tensor, layout: Layout) -> Tensor:
    """Output of an attention layer at ``tokens``, the last token of every document: float[n_documents, width]."""
    heads = (attention.n_heads, attention.head_size)
    q, k, v = (
        project(states).unflatten(-1, heads)
        for project, states in ((attention.q_proj, x[tokens]), (attention.k_proj, x), (attention.v_proj, x))
    )
    q = rotate(attention.q_norm(q), turn[:, tokens]).to(v.dtype) * attention.head_size**-0.5
    k = rotate(attention.k_norm(k), turn).to(v.dtype)
    document = torch.searchsorted(tokens, torch.arange(len(x), device=x.device))
    found, ends = [], []
    for slots in layout.buckets:
        end = slots[:, -1]
        behind = torch.arange(slots.shape[1], device=x.device) > layout.positions[end][:, None]
        weights = torch.einsum("nhd,nwhd->nhw", q[document[end]], k[slots]).masked_fill(behind[:, None], -torch.inf)
        found.append(torch.einsum("nhw,nwhd->nhd", weights.softmax(-1, dtype=v.dtype), v[slots]))
        ends.append(end)
    in_order = torch.argsort(torch.cat(ends))
    out: Tensor = attention.o_proj(torch.cat(found)[in_order].flatten(1))
    return out
