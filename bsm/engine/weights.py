"""A network as two files that stock ``transformers`` loads without code of ours: config.json, model.safetensors.

The class is LlamaForCausalLM, or Qwen3ForCausalLM with QK-norm. Everything that the stock classes would otherwise
guess (head size, RoPE base, ids of special tokens) is written out. Weights are fp32 under the stock names; the same
weights give the same bytes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from bsm.base.alphabet import BOS, EOS, PAD
from bsm.base.errors import InputError
from bsm.base.files import atomic_path, write_json
from bsm.engine.network import INITIAL_DEVIATION, NORM_EPSILON, Network, Shape

WEIGHTS, CONFIG = "model.safetensors", "config.json"
_WAY_OUT = "Run the command that wrote the folder again, or give another checkpoint folder"


def save_network(folder: Path | str, network: Network, context_tokens: int) -> None:
    """Write ``model.safetensors`` and ``config.json`` below ``folder``; each appears whole or not at all."""
    write_json(Path(folder) / CONFIG, stock_config(network.shape, context_tokens))
    with atomic_path(Path(folder) / WEIGHTS) as partial:
        partial.write_bytes(weights_bytes(network))


def load_network(folder: Path | str, device: torch.device | str = "cpu", precision: str = "fp32") -> Network:
    """The network of a checkpoint folder, on ``device``, with the attention back end for that device and precision.

    Weights stay fp32. InputError where a file is absent, damaged or truncated, or is of another architecture.
    """
    network = Network(_read_shape(Path(folder) / CONFIG))
    read_weights(Path(folder) / WEIGHTS, network)
    return network.use(device, precision)[0]


def weights_bytes(network: Network) -> bytes:
    """The content of ``model.safetensors``."""
    tensors = {name: value.detach().float().cpu().contiguous() for name, value in network.named_parameters()}
    return safetensors.torch.save(tensors, metadata={"format": "pt"})


def read_weights(path: Path, network: Network) -> None:
    """Fill ``network`` from a safetensors file; InputError unless names and sizes of all tensors are its own."""
    try:
        tensors = safetensors.torch.load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise InputError(f"cannot read weights: {error}", where=str(path), way_out=_WAY_OUT) from error
    own = {name: tuple(value.shape) for name, value in network.named_parameters()}
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    odd = sorted(name for name in own.keys() | found.keys() if own.get(name) != found.get(name))
    if odd:
        raise InputError(
            f"tensor {odd[0]} has shape {found.get(odd[0], 'none')}, this network needs {own.get(odd[0], 'none')} "
            f"({len(odd)} tensors differ)", where=str(path), way_out=_WAY_OUT,
        )  # fmt: skip
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(tensors[name])


def stock_config(shape: Shape, context_tokens: int) -> dict[str, Any]:
    """``config.json`` for the stock class of this shape, as transformers 5 reads it."""
    own: dict[str, Any] = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "mlp_bias": False}
    if shape.qk_norm:
        own = {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "use_sliding_window": False}
    return own | {
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": BOS,
        "dtype": "float32",
        "eos_token_id": EOS,
        "head_dim": shape.head_size,
        "hidden_act": "silu",
        "hidden_size": shape.width,
        "initializer_range": INITIAL_DEVIATION,
        "intermediate_size": shape.d_ff,
        "max_position_embeddings": context_tokens,
        "num_attention_heads": shape.n_heads,
        "num_hidden_layers": shape.n_layers,
        "num_key_value_heads": shape.n_heads,
        "pad_token_id": PAD,
        "rms_norm_eps": NORM_EPSILON,
        "rope_parameters": {"rope_theta": shape.rope_base, "rope_type": "default"},
        "tie_word_embeddings": True,
        "vocab_size": shape.vocabulary_size,
    }


def _read_shape(path: Path) -> Shape:
    """The shape that a ``config.json`` states; InputError where the network could not be rebuilt exactly from it."""
    try:
        stated = json.loads(path.read_text(encoding="utf-8"))
        shape = Shape(
            stated["num_hidden_layers"], stated["num_attention_heads"], stated["hidden_size"],
            stated["intermediate_size"], stated["rope_parameters"]["rope_theta"], stated["model_type"] == "qwen3",
            stated["vocab_size"],
        )  # fmt: skip
        expected = stock_config(shape, stated["max_position_embeddings"])
    except OSError as error:
        raise InputError(f"cannot read: {error.strerror}", where=str(path), way_out=_WAY_OUT) from error
    except (ValueError, KeyError, TypeError, ZeroDivisionError) as error:
        raise InputError(f"not a config of a network: {error!r}", where=str(path), way_out=_WAY_OUT) from error
    for key in ("model_type", "head_dim", "num_key_value_heads", "tie_word_embeddings", "rms_norm_eps",
                "attention_bias", "hidden_act", "rope_parameters"):  # fmt: skip
        if stated.get(key) != expected[key]:
            raise InputError(
                f"{key} must be {expected[key]!r} here", where=str(path), value=stated.get(key), way_out=_WAY_OUT
            )
    return shape
