"""Problems of a config in a person's words: the key, the value found there, and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel

MISSING = "(missing)"
_SENTENCES = {
    "missing": "this key is required",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "dict_type": "must be a mapping of keys to values",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "union_tag_not_found": "this key is required: kind",
    "string_too_short": "must not be empty",
    "too_short": "must have at least one entry",
    "date_from_datetime_parsing": "must be a date such as 2024-10-01",
    "date_type": "must be a date such as 2024-10-01",
}


class Problem(NamedTuple):
    """One problem: the key, the value found there, and what is wrong or allowed."""

    key: str
    value: object
    allowed: str

    def __str__(self) -> str:
        text = self.value if self.value == MISSING else repr(self.value)
        text = str(text)
        return f"{self.key} = {text if len(text) <= 80 else text[:79] + '…'}: {self.allowed}"


def problem_of(section: str, annotation: Any, value: Any, error: Mapping[str, Any]) -> Problem:
    """A pydantic error of one section as a Problem; entries of lists are named by their ``name``."""
    found = MISSING if error["type"] == "missing" else error.get("input")
    return Problem(_key(section, value, error), found, _sentence(annotation, error))


def unknown_key(key: str, allowed: Iterable[str]) -> str:
    """What to say of a key that does not exist."""
    names = list(allowed)
    near = difflib.get_close_matches(key, names, n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    return f"unknown key; {meant}allowed: {', '.join(names)}"


def _sentence(annotation: Any, error: Mapping[str, Any]) -> str:
    kind, context = str(error["type"]), error.get("ctx") or {}
    if kind == "extra_forbidden":
        fields = {name for model in _models_at(annotation, error["loc"][:-1]) for name in model.model_fields}
        return unknown_key(str(error["loc"][-1]), sorted(fields))
    if kind == "literal_error":
        return f"allowed: {context['expected']}"
    if kind == "union_tag_invalid":
        return f"unknown kind {context['tag']!r}; allowed: {context['expected_tags']}"
    if kind == "string_pattern_mismatch":
        return f"must match {context['pattern']}"
    message = str(error["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
    return _SENTENCES.get(kind, message)


def _key(section: str, value: Any, error: Mapping[str, Any]) -> str:
    """The path in the file's own terms; steps that pydantic adds (tags of unions) are left out."""
    key, node = section, value
    for step in error["loc"]:
        if isinstance(node, list) and isinstance(step, int):
            node = node[step] if step < len(node) else None
            label = node.get("name") if isinstance(node, dict) else None
            key += f"[{label if isinstance(label, str) else step}]"
        elif isinstance(node, dict) and step in node:
            node = node[step]
            key += f".{step}"
        elif error["type"] in ("missing", "extra_forbidden") and step == error["loc"][-1]:
            key += f".{step}"
    return key


def _models_at(annotation: Any, location: Iterable[Any]) -> list[type[BaseModel]]:
    """The models that may stand at a location: lists are entered, tags of unions choose among their models."""
    models = list(_models_in(annotation))
    for step in location:
        tagged = [m for m in models if "kind" in m.model_fields and step in get_args(m.model_fields["kind"].annotation)]
        holders = [m for m in models if step in m.model_fields]
        if tagged:
            models = tagged
        elif holders:
            models = [inner for m in holders for inner in _models_in(m.model_fields[step].annotation)]
    return models


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
