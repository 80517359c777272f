"""What a training run depends on, as one nested mapping, and what differs between two of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Fingerprint = Mapping[str, Any]


def differences(stored: Fingerprint, current: Fingerprint) -> list[str]:
    """``key: stored value -> current value`` for every leaf that differs; empty where both are equal."""
    left, right = _leaves(stored), _leaves(current)
    return [
        f"{key}: {left.get(key, 'absent')} -> {right.get(key, 'absent')}"
        for key in sorted(left.keys() | right.keys())
        if left.get(key) != right.get(key)
    ]


def _leaves(value: Any, key: str = "") -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {key: json.dumps(value, sort_keys=True)}
    return {
        name: leaf for k, inner in value.items() for name, leaf in _leaves(inner, f"{key}.{k}" if key else k).items()
    }
