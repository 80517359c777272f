"""Shared pieces of the config models."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

NAME_PATTERN = r"^[a-z][a-z0-9_]*$"
Name = Annotated[str, Field(pattern=NAME_PATTERN, description="Letters a-z, digits, underscores; used in file names.")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


def _in_order(values: tuple[Any, Any]) -> tuple[Any, Any]:
    if values[0] > values[1]:
        raise ValueError("the first number must not be larger than the second")
    return values


ShareRange = Annotated[tuple[Share, Share], AfterValidator(_in_order)]
"""Two shares, the smaller first."""
Text = Annotated[str, Field(min_length=1)]
"""Text that must not be empty."""


class Settings(BaseModel):
    """Base of every section: unknown keys are refused, values cannot be changed after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


def slug(text: str) -> str:
    """A name for files: lower case, every run of other characters one underscore (``Homo sapiens`` -> homo_sapiens)."""
    return "_".join("".join(c if c.isalnum() else " " for c in text.lower()).split())
