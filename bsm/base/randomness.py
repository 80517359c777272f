"""Seeded choices that do not depend on order, workers or process: everything is a hash of names."""

from __future__ import annotations

import hashlib

import numpy as np


def stable_hash64(*names: object) -> int:
    """64-bit hash of the names (joined as text), equal on every machine and Python version."""
    text = "\x1f".join(map(str, names)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def unit_interval(*names: object) -> float:
    """Uniform number in [0, 1) that is a pure function of the names; ``u < share`` is a seeded sample."""
    return (stable_hash64(*names) >> 11) / float(1 << 53)


def generator(*names: object) -> np.random.Generator:
    """A numpy generator whose stream is a pure function of the names (Philox, keyed by their hash)."""
    return np.random.Generator(np.random.Philox(key=stable_hash64(*names)))
