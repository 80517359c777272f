"""Reading and merging config files exactly as Snakemake merges ``configfile:`` and ``--configfile``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from bsm.base.errors import ConfigError

ROOT_CONFIG = Path(__file__).resolve().parents[3] / "config.yaml"
"""The embedded miniature's config.yaml, on top of which every other config file is laid."""


class _UniqueKeys(yaml.SafeLoader):
    """YAML in which a key that stands twice is an error: plain YAML readers silently take the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path | str) -> dict[str, Any]:
    """Read one YAML (or JSON) config file; ConfigError where it cannot be parsed or is no mapping."""
    try:
        value = yaml.load(Path(path).read_text(encoding="utf-8"), _UniqueKeys)
    except OSError as error:
        raise ConfigError(f"cannot read: {error.strerror}", where=str(path), way_out="Check the path") from error
    except UnicodeDecodeError as error:
        raise ConfigError("not a text in UTF-8", where=str(path), way_out="Save it as UTF-8") from error
    except yaml.YAMLError as error:
        raise ConfigError(
            f"not valid YAML: {error}", where=str(path), way_out="Check indentation and quotes"
        ) from error
    if value is None:
        raise ConfigError(
            "the file is empty", where=str(path), way_out="Leave it out, or write a section; see config.yaml"
        )
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
