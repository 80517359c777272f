"""Log-likelihoods of documents that begin alike, the shared beginning computed once.

Few-shot queries share their demonstrations, the variants of one sequence everything before the mutated letter. One
reference document is run with the keys and values of every layer kept; each document then runs only the tokens from its
first difference on, attending to the reference's keys before it. Values equal those of ``scorer.log_likelihoods`` up to
the rounding of fp32 sums (below 1e-4 per token, tested).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from bsm.base.progress import Progress
from bsm.engine.network import Attention, Layer, Network, rotate
from bsm.engine.scorer import device_of, inference, log_probabilities, tokens_at_once

Cache = list[tuple[Tensor, Tensor]]
"""Keys and values of each layer, [n_heads, n_tokens, head_size] each."""
_ABSENT = 255


def shared_log_likelihoods(
    network: Network, documents: Sequence[np.ndarray], batch_tokens: int, progress: Progress | None = None
) -> list[np.ndarray]:
    """As ``scorer.log_likelihoods``, for documents that begin alike (they share at least ``<bos>``)."""
    if not documents:
        return []
    reference, n_shared = common_path(documents)
    with inference(network):
        logits, cache = _forward(network, reference[None], np.zeros(1, dtype=np.int64), [])
    known = logits[0].double().log_softmax(-1).cpu().numpy()
    found = [np.empty(len(ids) - 1) for ids in documents]
    for ids, values, n in zip(documents, found, n_shared, strict=True):
        n_known = min(int(n), len(values))
        values[:n_known] = known[np.arange(n_known), ids[1 : n_known + 1]]
    n_own = [len(values) - int(n) for values, n in zip(found, n_shared, strict=True)]
    if progress is not None:
        progress.advance(sum(n <= 0 for n in n_own))
    for batch in _stacks(n_own, n_shared, tokens_at_once(network, batch_tokens), batch_tokens):
        _score(network, cache, [documents[i] for i in batch], n_shared[batch], [found[i] for i in batch])
        if progress is not None:
            progress.advance(len(batch))
    return found


def common_path(documents: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(reference, int64[n_documents]: how many tokens each document shares with it from the beginning on).

    The reference follows, token by token, what most of the documents that still agree with it read next: of point
    mutants the wild type, of few-shot queries the demonstrations and one query.
    """
    ids = np.full((len(documents), max(map(len, documents))), _ABSENT, dtype=np.uint8)
    for row, document in zip(ids, documents, strict=True):
        row[: len(document)] = document
    agreeing, path = ids, []
    for position in range(ids.shape[1]):
        column = agreeing[:, position]
        votes = np.bincount(column[column != _ABSENT], minlength=1)
        if not votes.any():
            break
        path.append(int(votes.argmax()))
        agreeing = agreeing[column == path[-1]]
    reference = np.array(path, dtype=np.uint8)
    same = ids[:, : len(path)] == reference
    return reference, np.where(same.all(1), len(path), same.argmin(1))


def _stacks(n_own: Sequence[int], n_shared: np.ndarray, own_tokens: int, batch_tokens: int) -> Iterator[list[int]]:
    """Indices of documents with tokens of their own, the fewest first.

    A stack runs at most ``own_tokens`` tokens, which see at most ``batch_tokens`` keys, cached ones counted for each
    document; or it is one document.
    """
    batch: list[int] = []
    longest_past = 0
    for index in sorted((i for i, n in enumerate(n_own) if n > 0), key=lambda i: (n_own[i], n_shared[i])):
        longest_past = max(longest_past, int(n_shared[index]))
        n = len(batch) + 1
        if batch and (n * n_own[index] > own_tokens or n * (longest_past + n_own[index]) > batch_tokens):
            yield batch
            batch, longest_past = [], int(n_shared[index])
        batch.append(index)
    if batch:
        yield batch


def _score(
    network: Network, cache: Cache, documents: list[np.ndarray], starts: np.ndarray, values: list[np.ndarray]
) -> None:
    """Fill in the values of tokens start + 1, start + 2, ... of every document."""
    longest = max(len(own) - start for own, start in zip(values, starts, strict=True))
    ids = np.zeros((len(documents), longest + 1), dtype=np.uint8)
    for row, document, start in zip(ids, documents, starts, strict=True):
        row[: len(document) - start] = document[start:]
    with inference(network):
        logits, _ = _forward(network, ids[:, :-1], starts, cache)
    scored = log_probabilities(logits, ids[:, 1:])
    for row, own, start in zip(scored, values, starts, strict=True):
        own[start:] = row[: len(own) - start]


def _forward(network: Network, ids: np.ndarray, starts: np.ndarray, cache: Cache) -> tuple[Tensor, Cache]:
    """(logits [n, length, 64], keys and values of the first document) of n stacked continuations.

    Document i stands at positions starts[i], starts[i] + 1, ... and sees the cached keys before starts[i].
    """
    device = device_of(network)
    first = torch.from_numpy(starts).to(device)
    own = torch.arange(ids.shape[1], device=device)
    angles = (first[:, None] + own)[..., None, None].float() * network.frequencies  # type: ignore[operator]
    turn = torch.stack([angles.cos(), angles.sin()])
    before = torch.arange(int(starts.max()), device=device) < first[:, None]
    causal = (own[None, :] <= own[:, None]).expand(len(ids), -1, -1)
    visible = torch.cat([before[:, None, :].expand(-1, len(own), -1), causal], dim=-1)[:, None]
    x = network.model.embed_tokens(torch.from_numpy(ids.astype(np.int64)).to(device))
    kept: Cache = []
    for index, layer in enumerate(network.model.layers):
        assert isinstance(layer, Layer)
        past = cache[index] if cache else None
        mixed, keys_values = _attention(layer.self_attn, layer.input_layernorm(x), turn, visible, past)
        kept.append(keys_values)
        x = x + mixed
        x = x + layer.mlp(layer.post_attention_layernorm(x))
    return network.logits(network.model.norm(x)), kept


def _attention(
    block: Attention, x: Tensor, turn: Tensor, visible: Tensor, past: tuple[Tensor, Tensor] | None
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """(mixed states [n, length, width], own keys and values of document 0).

    x [n, length, width]; visible [n, 1, length, n_past + length]: past tokens first.
    """
    q, k, v = (f(x).unflatten(-1, (block.n_heads, block.head_size)) for f in (block.q_proj, block.k_proj, block.v_proj))
    q, k = (rotate(norm(x), turn) for norm, x in ((block.q_norm, q), (block.k_norm, k)))
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    keys_values = k[0], v[0]
    if past is not None:
        n_past = visible.shape[-1] - visible.shape[-2]
        k, v = (torch.cat([old[:, :n_past].expand(len(x), -1, -1, -1), new], dim=2)
                for old, new in zip(past, (k, v), strict=True))  # fmt: skip
    mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=visible)
    return block.o_proj(mixed.transpose(1, 2).flatten(2)), keys_values
