"""``bsm config``: show the merged config, check it, or print its JSON schema."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import yaml

from bsm.base.config.load import load_config
from bsm.base.config.main import json_schema
from bsm.base.config.problems import validated
from bsm.base.files import write_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``bsm config``."""
    parser.add_argument("--config", action="append", default=[], metavar="FILE", help="file(s) laid over config.yaml")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--check", action="store_true", help="list every problem; exit code 1 if there is one")
    action.add_argument("--schema", nargs="?", const="-", metavar="FILE", help="print or write the JSON schema")


def run(args: argparse.Namespace) -> None:
    """Print the merged config (default), its check, or the schema."""
    if args.schema:
        text = json.dumps(json_schema(), indent=2, sort_keys=True) + "\n"
        sys.stdout.write(text) if args.schema == "-" else write_text(Path(args.schema), text)
        return
    config = validated(load_config(args.config))
    if args.check:
        print("the config is fine")
        return
    print(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True), end="")
