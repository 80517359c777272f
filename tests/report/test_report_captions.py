"""Captions of ``snakemake --report``: reStructuredText with Jinja, rendered as Snakemake does it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils.core import publish_parts
from jinja2 import Environment, StrictUndefined

FOLDER = Path(__file__).resolve().parents[2] / "workflow" / "report"


@pytest.mark.parametrize("world", [{"seed": 1}, None])
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.rst")), ids=lambda path: path.name)
def test_every_caption_renders_and_only_the_miniature_is_called_generated(path, world):
    job = SimpleNamespace(
        config={"corpus": "own", "miniature": world}, wildcards=SimpleNamespace(round="round2")
    )  # fmt: skip
    text = Environment(undefined=StrictUndefined).from_string(path.read_text()).render(snakemake=job)
    body = publish_parts(text, writer="html", settings_overrides={"halt_level": 2})["body"]
    assert body.startswith("<p>") and (world or "generated" not in body)
