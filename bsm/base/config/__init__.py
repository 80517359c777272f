"""The typed config: one pydantic model per stage, collected into one; all problems reported at once."""

from bsm.base.config.load import ROOT_CONFIG, load_config, merge, read_yaml
from bsm.base.config.main import Config, json_schema
from bsm.base.config.problems import check, validated
from bsm.base.config.wording import Problem

__all__ = [
    "ROOT_CONFIG", "Config", "Problem", "check", "json_schema", "load_config", "merge", "read_yaml", "validated",
]  # fmt: skip
