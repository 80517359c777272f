"""The network: a Llama block (RMSNorm, SwiGLU, rotary positions, no biases, tied embeddings), as the paper's sizes say.

With ``qk_norm`` queries and keys are normalised per head, which makes the block Qwen3's. Parameters carry the names
of the stock ``transformers`` classes (LlamaForCausalLM, Qwen3ForCausalLM), so a saved model loads there without code
of ours. Sizes: paper, Table 2; the feed-forward widths 2,944 and 3,840 give its 109.78 M and 270.76 M parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bsm.base.alphabet import VOCABULARY_SIZE
from bsm.base.config.training import Model
from bsm.base.randomness import stable_hash64
from bsm.engine.attention import BackEnd, Layout, attend, choose_back_end

NORM_EPSILON = 1e-6
INITIAL_DEVIATION = 0.02


@dataclass(frozen=True)
class Shape:
    """Everything that decides the network's tensors and its function."""

    n_layers: int
    n_heads: int
    width: int
    d_ff: int
    rope_base: float = 100_000.0
    qk_norm: bool = False
    vocabulary_size: int = VOCABULARY_SIZE

    @classmethod
    def of(cls, model: Model) -> Shape:
        """Shape of a model of the config."""
        return cls(model.n_layers, model.n_heads, model.width, model.d_ff, model.rope_base, model.qk_norm)

    @property
    def head_size(self) -> int:
        return self.width // self.n_heads

    @property
    def n_parameters(self) -> int:
        """Trainable numbers, the tied embedding counted once."""
        per_layer = 4 * self.width**2 + 3 * self.width * self.d_ff + 2 * self.width + 2 * self.head_size * self.qk_norm
        return self.n_layers * per_layer + self.width + self.vocabulary_size * self.width


class Network(nn.Module):
    """Next-token model over packed documents.

    ``forward(ids, layout)``: int64[n_tokens] -> float[n_tokens, 64] logits of the token that follows each token inside
    its document. ``hidden`` stops before the output layer: float[n_tokens, width].
    """

    def __init__(self, shape: Shape, back_end: BackEnd = "bucketed") -> None:
        super().__init__()
        self.shape = shape
        self.back_end: BackEnd = back_end
        self.model = _Decoder(shape)
        self.register_buffer("frequencies", _frequencies(shape), persistent=False)

    def hidden(self, ids: Tensor, layout: Layout) -> Tensor:
        """Normalised states after the last layer, float[n_tokens, width]."""
        angles = torch.outer(layout.positions.float(), self.frequencies)  # type: ignore[arg-type]
        turn = torch.stack([angles.cos(), angles.sin()])[:, :, None, :]
        x = self.model.embed_tokens(ids)
        for layer in self.model.layers:
            x = layer(x, turn, layout, self.back_end)
        return self.model.norm(x)

    def logits(self, hidden: Tensor) -> Tensor:
        return F.linear(hidden, self.model.embed_tokens.weight)

    def forward(self, ids: Tensor, layout: Layout) -> Tensor:
        return self.logits(self.hidden(ids, layout))

    def use(self, device: torch.device | str, precision: str) -> tuple[Network, str]:
        """Move to a device and choose the attention back end for it; returns (self, line that says what and why)."""
        self.back_end, reason = choose_back_end(device, self.shape.head_size, precision)
        return self.to(device), f"attention {self.back_end}: {reason}"


class _Decoder(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocabulary_size, shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.n_layers))
        self.norm = _Norm(shape.width, NORM_EPSILON)


class _Norm(nn.RMSNorm):
    """RMSNorm in the precision of its gain: under autocast its input may be bf16, its gain is not."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.to(self.weight.dtype))


class Layer(nn.Module):
    """One block: attention and feed-forward, each normalised before and added to the residual stream."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.input_layernorm = _Norm(shape.width, NORM_EPSILON)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = _Norm(shape.width, NORM_EPSILON)
        self.mlp = _FeedForward(shape)

    def forward(self, x: Tensor, turn: Tensor, layout: Layout, back_end: BackEnd) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), turn, layout, back_end)
        return x + self.mlp(self.post_attention_layernorm(x))


class Attention(nn.Module):
    """Projections, optional normalisation per head, rotary positions, causal attention inside each document."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.n_heads, self.head_size = shape.n_heads, shape.head_size
        self.q_proj = nn.Linear(shape.width, shape.width, bias=False)
        self.k_proj = nn.Linear(shape.width, shape.width, bias=False)
        self.v_proj = nn.Linear(shape.width, shape.width, bias=False)
        self.o_proj = nn.Linear(shape.width, shape.width, bias=False)
        self.q_norm: nn.Module = _Norm(shape.head_size, NORM_EPSILON) if shape.qk_norm else nn.Identity()
        self.k_norm: nn.Module = _Norm(shape.head_size, NORM_EPSILON) if shape.qk_norm else nn.Identity()

    def forward(self, x: Tensor, turn: Tensor, layout: Layout, back_end: BackEnd) -> Tensor:
        q, k, v = (f(x).unflatten(-1, (self.n_heads, self.head_size)) for f in (self.q_proj, self.k_proj, self.v_proj))
        q, k = (rotate(x, turn).to(v.dtype) for x in (self.q_norm(q), self.k_norm(k)))
        return self.o_proj(attend(q, k, v, layout, back_end).flatten(1))  # type: ignore[no-any-return]


class _FeedForward(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.width, shape.d_ff, bias=False)
        self.up_proj = nn.Linear(shape.width, shape.d_ff, bias=False)
        self.down_proj = nn.Linear(shape.d_ff, shape.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))  # type: ignore[no-any-return]


def initial_network(shape: Shape, seed: int) -> Network:
    """A network with random weights, a pure function of (shape, seed).

    Every matrix is drawn from a generator of its own (named after it), normal with deviation 0.02; the two
    matrices that write into the residual stream are scaled down by sqrt(2 n_layers), as in GPT-2. Gains are 1.
    """
    network = Network(shape)
    for name, parameter in network.named_parameters():
        if parameter.ndim < 2:
            continue
        generator = np.random.Generator(np.random.Philox(key=stable_hash64("initial weights", seed, name)))
        deviation = INITIAL_DEVIATION
        if name.endswith(("o_proj.weight", "down_proj.weight")):
            deviation /= (2 * shape.n_layers) ** 0.5
        values = generator.standard_normal(tuple(parameter.shape), dtype=np.float32) * np.float32(deviation)
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(values))
    return network


def _frequencies(shape: Shape) -> Tensor:
    """float32[head_size / 2]: turns per position of each pair of dimensions (RoFormer; base 100,000 in the paper)."""
    exponents = torch.arange(0, shape.head_size, 2, dtype=torch.float32) / shape.head_size
    frequencies: Tensor = 1.0 / shape.rope_base**exponents
    return frequencies


def rotate(x: Tensor, turn: Tensor) -> Tensor:
    """Turn the pairs (i, i + half) of each head: the layout of stock Llama. x [n_tokens, n_heads, head_size]."""
    cosine, sine = turn
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], dim=-1)
