"""Causal attention over packed documents: one interface, interchangeable back ends.

A batch is one flat row of tokens, and ``Layout`` says where its documents end. Documents never see each other and
nothing is padded outside attention, so a document's result does not depend on its neighbours.

* ``bucketed``: documents of similar length are stacked (padded on the right, which causal attention cannot see) and
  multiplied plainly. On a CPU this is 1.8 to 4 times faster than the fused kernel up to about 512 tokens.
* ``sdpa``: the same stacks through torch's fused kernel; for longer documents, and for GPUs without a varlen kernel.
* ``varlen``: torch's own variable-length flash kernel (GPU, bf16).
* ``flash``: the flash-attn package (GPU, bf16), where it is installed.

The last two take half precision only: what arrives in fp32, such as held-out rows of annealing, goes through ``sdpa``.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from bsm.base.errors import ConfigError

BackEnd = Literal["bucketed", "sdpa", "varlen", "flash"]
LONGEST_PLAIN = 768
"""Longest stack that is multiplied plainly on a CPU; the fused kernel wins from about 1,024 tokens."""
_QUERIES_AT_ONCE = 192
"""So many queries are multiplied with the keys up to the last of them; most of what lies above the diagonal is left
out. Smaller parts leave out more and take longer to start."""
_HALF = (torch.bfloat16, torch.float16)
_BUCKET_STEP = 1.25
_SHORTEST_BUCKET = 16
_WIDTH_STEP = 16
"""Stacks are padded to a multiple of this: a CPU builds a kernel for every new shape, so few shapes are faster."""


@dataclass(frozen=True)
class Layout:
    """Where the documents of a flat batch stand, worked out once and used by every layer."""

    ends: Tensor
    """int32[n_documents + 1]: 0, then the end of each document (the ``cu_seqlens`` of varlen kernels)."""
    positions: Tensor
    """int64[n_tokens]: 0-based position inside the document."""
    longest: int
    buckets: tuple[Tensor, ...]
    """int64[n_documents_of_bucket, bucket_length] each: token of every slot; slots behind a document's end repeat its
    last token."""
    unstack: Tensor
    """int64[n_tokens]: where each token stands in the concatenation of all stacks."""

    @classmethod
    def of(cls, document_ends: Sequence[int] | np.ndarray, device: torch.device | str = "cpu") -> Layout:
        """Layout of documents that end at ``document_ends`` (ascending, the last one is the number of tokens)."""
        ends = np.concatenate([[0], np.asarray(document_ends, dtype=np.int64)])
        lengths = np.diff(ends)
        if not len(lengths) or lengths.min() < 1:
            raise ValueError("every document needs at least one token, and a batch at least one document")
        positions = np.arange(ends[-1]) - np.repeat(ends[:-1], lengths)
        buckets, unstack, n_slots = [], np.empty(ends[-1], dtype=np.int64), 0
        bucket_of = _bucket_lengths(lengths)
        for length in np.unique(bucket_of):
            members = np.flatnonzero(bucket_of == length)
            own = lengths[members, None]
            width = -(-int(own.max()) // _WIDTH_STEP) * _WIDTH_STEP
            within = np.minimum(np.arange(width)[None, :], own - 1)
            buckets.append(torch.from_numpy(ends[members, None] + within).to(device))
            slots = n_slots + np.arange(len(members))[:, None] * width + np.arange(width)[None, :]
            valid = np.arange(width)[None, :] < own
            unstack[(ends[members, None] + within)[valid]] = slots[valid]
            n_slots += len(members) * width
        return cls(
            torch.from_numpy(ends.astype(np.int32)).to(device), torch.from_numpy(positions).to(device),
            int(lengths.max()), tuple(buckets), torch.from_numpy(unstack).to(device),
        )  # fmt: skip


def _bucket_lengths(lengths: np.ndarray) -> np.ndarray:
    """Upper bound of each document's bucket; bounds grow by a quarter, so at most a fifth of a stack is padding."""
    step = np.ceil(np.log(np.maximum(lengths, _SHORTEST_BUCKET) / _SHORTEST_BUCKET) / math.log(_BUCKET_STEP) - 1e-9)
    bounds: np.ndarray = np.ceil(_SHORTEST_BUCKET * _BUCKET_STEP**step).astype(np.int64)
    return bounds


def choose_back_end(device: torch.device | str, head_size: int, precision: str) -> tuple[BackEnd, str]:
    """(back end, reason) for this machine. flash-attn and varlen need a GPU of capability 8.0 (Ampere) and bf16."""
    kind = torch.device(device).type
    if kind != "cuda":
        return "bucketed", f"device {kind}: plain products up to {LONGEST_PLAIN} tokens, fused kernel beyond"
    if precision != "bf16":
        return "sdpa", "fp32 on a GPU: the flash kernels need bf16"
    if head_size % 8:
        return "sdpa", f"head size {head_size} is no multiple of 8, as the flash kernels need"
    if torch.cuda.get_device_capability(device) < (8, 0):
        return "sdpa", "the GPU is older than the flash kernels support"
    try:
        importlib.import_module("flash_attn")
    except (ImportError, OSError) as error:  # absent, or built for another torch
        return "varlen", f"torch's own varlen flash kernel (flash-attn: {str(error).splitlines()[0]})"
    return "flash", "flash-attn is installed"


def attend(q: Tensor, k: Tensor, v: Tensor, layout: Layout, back_end: BackEnd) -> Tensor:
    """Causal attention inside each document: q, k, v are [n_tokens, n_heads, head_size]; returns the same shape."""
    if back_end in ("flash", "varlen") and q.dtype not in _HALF:
        back_end = "sdpa"
    if back_end == "flash":
        from flash_attn import flash_attn_varlen_func

        out: Tensor = flash_attn_varlen_func(
            q, k, v, layout.ends, layout.ends, layout.longest, layout.longest, causal=True
        )
        return out
    if back_end == "varlen":
        from torch.nn.attention.varlen import varlen_attn

        found = varlen_attn(q, k, v, layout.ends, layout.ends, layout.longest, layout.longest, window_size=(-1, 0))
        assert isinstance(found, Tensor)
        return found
    if back_end not in ("bucketed", "sdpa"):
        raise ConfigError("unknown attention back end", value=back_end, way_out="bucketed, sdpa, varlen or flash")
    stacks = []
    for index in layout.buckets:
        plain = back_end == "bucketed" and index.shape[1] <= LONGEST_PLAIN
        one = _plain if plain else _fused
        stacks.append(one(q[index], k[index], v[index]).flatten(0, 1))
    joined = stacks[0] if len(stacks) == 1 else torch.cat(stacks)
    return joined[layout.unstack]


def _plain(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Softmax attention written out; [n_documents, length, n_heads, head_size]."""
    n, length, n_heads, size = q.shape
    q, k, v = (x.transpose(1, 2).reshape(n * n_heads, length, size) for x in (q * size**-0.5, k, v))
    out = []
    for start in range(0, length, _QUERIES_AT_ONCE):
        end = min(start + _QUERIES_AT_ONCE, length)
        bias = torch.full((end - start, end), -torch.inf, dtype=q.dtype, device=q.device).triu(start + 1)
        weights = torch.baddbmm(bias, q[:, start:end], k[:, :end].transpose(1, 2)).softmax(-1, dtype=q.dtype)
        out.append(torch.bmm(weights, v[:, :end]))
    joined = out[0] if len(out) == 1 else torch.cat(out, dim=1)
    return joined.view(n, n_heads, length, size).transpose(1, 2)


def _fused(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)
