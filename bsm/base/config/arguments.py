"""The same options for every command: ``--config`` files or a ``--settings`` JSON (what the rules pass)."""

from __future__ import annotations

import argparse
import json
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from bsm.base.config.common import Settings
from bsm.base.config.load import load_config
from bsm.base.config.main import Config
from bsm.base.config.problems import validated
from bsm.base.config.sources import Benchmark, Server, Source
from bsm.base.errors import ConfigError

S = TypeVar("S", bound=Settings)


def add_config_arguments(parser: argparse.ArgumentParser, *, below: bool = False) -> None:
    """Add ``--config FILE`` (repeatable, laid over config.yaml) and ``--settings JSON``.

    ``below``: the parser is a sub-command's, and its defaults must not overwrite what stood before the sub-command.
    """
    absent = argparse.SUPPRESS if below else None
    parser.add_argument(
        "--config", action="append", default=absent or [], metavar="FILE", help="config file(s) laid over config.yaml"
    )
    parser.add_argument(
        "--settings", default=absent, metavar="JSON", help="this stage's settings as JSON, instead of a config file"
    )


def settings_of(args: argparse.Namespace, section: str, model: type[S]) -> S:
    """This stage's settings: ``--settings`` if given, else the section of ``--config``, else the defaults."""
    if args.settings is not None:
        return parse_json(args.settings, model, f"--settings of {section}")
    if args.config:
        value = getattr(config_of(args), section)
        if not isinstance(value, model):
            raise ConfigError(f"the config has no section {section}", value=args.config, way_out="See config.yaml")
        return value
    return model()


def config_of(args: argparse.Namespace) -> Config:
    """The whole validated config that ``--config`` describes (config.yaml alone where none is given)."""
    return validated(load_config(args.config))


def source_of(args: argparse.Namespace) -> Source:
    """``--source`` as JSON, or as the name of a source in ``--config``."""
    return _entry(args.source, TypeAdapter(Source), lambda: config_of(args).sources, "--source")


def benchmark_of(args: argparse.Namespace) -> Benchmark:
    """``--benchmark`` as JSON, or as the name of a benchmark in ``--config``."""
    return _entry(args.benchmark, TypeAdapter(Benchmark), lambda: config_of(args).benchmarks, "--benchmark")


def servers_of(args: argparse.Namespace) -> list[Server]:
    """``--servers`` as a JSON list, or the servers of ``--config``."""
    if args.servers is None:
        return config_of(args).servers
    return parse_json(args.servers, list[Server], "--servers")


def parse_json(text: str, model: Any, where: str) -> Any:
    """Validate a JSON text against a model or type; ConfigError naming every problem."""
    try:
        return TypeAdapter(model).validate_python(json.loads(text))
    except json.JSONDecodeError as error:
        raise ConfigError(f"not valid JSON: {error}", where=where, value=text) from error
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False)]
        raise ConfigError("; ".join(lines), where=where, way_out="See bsm config --schema") from error


def _entry(text: str, adapter: TypeAdapter[Any], entries: Any, where: str) -> Any:
    if text.lstrip().startswith("{"):
        return parse_json(text, adapter._type, where)
    found = entries()
    for entry in found:
        if entry.name == text:
            return entry
    raise ConfigError("unknown name", where=where, value=text, way_out=f"Known: {', '.join(e.name for e in found)}")
