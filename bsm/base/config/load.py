"""Reading and merging config files exactly as Snakemake merges ``configfile:`` and ``--configfile``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from bsm.base.errors import ConfigError

ROOT_CONFIG = Path(__file__).resolve().parents[3] / "config.yaml"
"""The embedded miniature's config.yaml, on top of which every other config file is laid."""


def read_yaml(path: Path | str) -> dict[str, Any]:
    """Read one YAML (or JSON) config file; ConfigError where it cannot be parsed or is no mapping."""
    try:
        value = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read: {error.strerror}", where=str(path), way_out="Check the path") from error
    except yaml.YAMLError as error:
        raise ConfigError(
            f"not valid YAML: {error}", where=str(path), way_out="Check indentation and quotes"
        ) from error
    if not isinstance(value, dict):
        raise ConfigError(
            "a config file is a mapping of sections", where=str(path), value=value, way_out="See config.yaml"
        )
    return value


def merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Overlay on base: mappings are merged key by key, everything else (lists too) is replaced whole."""
    merged = dict(base)
    for key, value in overlay.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(value, Mapping) and isinstance(old, Mapping) else value
    return merged


def load_config(paths: Iterable[Path | str] = ()) -> dict[str, Any]:
    """The root ``config.yaml`` with the given files laid over it in order: what the Snakefile sees."""
    config: dict[str, Any] = read_yaml(ROOT_CONFIG)
    for path in paths:
        config = merge(config, read_yaml(path))
    return config
