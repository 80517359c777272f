"""The whole config: every stage's section in one model, and the JSON schema generated from it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from bsm.base.config.common import Name, Settings
from bsm.base.config.data import (
    AcquireSettings,
    CleanSettings,
    InterleaveSettings,
    PairSettings,
    ReportSettings,
    SampleSettings,
    ShardSettings,
)
from bsm.base.config.miniature import MiniatureSettings
from bsm.base.config.sources import Benchmark, Server, Source
from bsm.base.config.training import AnnealSettings, EvaluateSettings, Mix, Model, TrainSettings


class Config(Settings):
    """BSM pipeline configuration."""

    corpus: Name
    """What the models are trained on; stands in every row of every result (miniature, lab, paper, local)."""
    miniature: MiniatureSettings | None = None
    """The embedded known-answer world; null for real data."""
    servers: Annotated[list[Server], Field(min_length=1)]
    sources: Annotated[list[Source], Field(min_length=1)]
    benchmarks: list[Benchmark]
    acquire: AcquireSettings = AcquireSettings()
    sample: SampleSettings = SampleSettings()
    pair: PairSettings = PairSettings()
    interleave: InterleaveSettings = InterleaveSettings()
    clean: CleanSettings = CleanSettings()
    shard: ShardSettings = ShardSettings()
    models: Annotated[list[Model], Field(min_length=1)]
    mixes: Annotated[list[Mix], Field(min_length=1)]
    anneal: AnnealSettings
    train: TrainSettings
    evaluate: EvaluateSettings
    report: ReportSettings = ReportSettings()


def json_schema() -> dict[str, Any]:
    """JSON schema of the config (draft 2020-12), for editors and for workflow/schemas/config.schema.json."""
    schema = Config.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
