"""Finding all problems of a config at once: section by section, then what must fit between sections."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from bsm.base.config.crosschecks import CROSS_CHECKS, NAMED_SECTIONS, Sections
from bsm.base.config.main import Config
from bsm.base.config.wording import MISSING, Problem, problem_of, unknown_key
from bsm.base.errors import ConfigError


def check(config: Mapping[str, Any]) -> list[Problem]:
    """All problems of a merged config, in the order of its sections; empty where it is fine."""
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    wrong: set[str] = set()
    for name, field in Config.model_fields.items():
        found, value = _check_section(name, field, config)
        problems += found
        if found:
            wrong.add(name)
        if value is not None or not found:
            values[name] = value
    problems += [
        Problem(str(key), config[key], unknown_key(str(key), Config.model_fields))
        for key in config
        if key not in Config.model_fields
    ]
    sections = Sections(values, wrong, {section: _names(config, section) for section in NAMED_SECTIONS})
    for rule in CROSS_CHECKS:
        with contextlib.suppress(KeyError):  # a section that this rule needs is itself wrong and already reported
            problems += rule(sections)
    return problems


def validated(config: Mapping[str, Any]) -> Config:
    """The typed config; ConfigError listing every problem where there are any."""
    problems = check(config)
    if problems:
        lines = "\n".join(f"  {i}. {problem}" for i, problem in enumerate(problems, 1))
        raise ConfigError(f"{len(problems)} problem(s) in the config; nothing was started\n{lines}")
    return Config.model_validate(dict(config))


def _check_section(name: str, field: FieldInfo, config: Mapping[str, Any]) -> tuple[list[Problem], Any]:
    if name not in config:
        if field.is_required():
            return [Problem(name, MISSING, "this section is required; see config.yaml")], None
        return [], field.get_default(call_default_factory=True)
    annotation: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    try:
        value = adapter.validate_python(config[name])
        return list(_true_is_no_number(name, config[name], adapter.dump_python(value))), value
    except ValidationError as error:
        errors = error.errors(include_url=False)
        problems = [problem_of(name, annotation, config[name], e) for e in errors]
        problems += _misread_beside(name, adapter, config[name], {e["loc"][0] for e in errors if e["loc"]})
        return problems, _sound_entries(adapter, config[name])


def _misread_beside(name: str, adapter: TypeAdapter[Any], raw: Any, bad_keys: set[Any]) -> list[Problem]:
    """Truth values read as numbers among the keys of a section that are sound beside bad ones."""
    if not isinstance(raw, Mapping):
        return []
    rest = {key: value for key, value in raw.items() if key not in bad_keys}
    try:
        return list(_true_is_no_number(name, rest, adapter.dump_python(adapter.validate_python(rest))))
    except ValidationError:  # a required key is among the bad ones, and reported
        return []


def _true_is_no_number(key: str, raw: Any, value: Any) -> Iterator[Problem]:
    """Truth values where a number or text is meant, and the reverse: pydantic reads ``max_loss: true`` as 1."""
    if isinstance(raw, Mapping) and isinstance(value, Mapping):
        for name, inner in raw.items():
            yield from _true_is_no_number(f"{key}.{name}", inner, value.get(name))
    elif isinstance(raw, list) and isinstance(value, list | tuple):
        for i, (inner, read) in enumerate(zip(raw, value, strict=False)):
            yield from _true_is_no_number(f"{key}[{i}]", inner, read)
    elif isinstance(value, bool) != isinstance(raw, bool):
        yield Problem(key, raw, "must be true or false" if isinstance(value, bool) else "must not be true or false")


def _sound_entries(adapter: TypeAdapter[Any], value: Any) -> list[Any] | None:
    """The valid entries of a list with bad ones among them, so that one bad source does not hide another's problem."""
    if not isinstance(value, list):
        return None
    sound: list[Any] = []
    for entry in value:
        with contextlib.suppress(ValidationError):
            sound += adapter.validate_python([entry])
    return sound


def _names(config: Mapping[str, Any], section: str) -> list[str] | None:
    """Names of a section's entries as written, sound or not (a bad mix is no unknown mix); None without the section."""
    entries = config.get(section)
    if not isinstance(entries, list):
        return None
    return [str(e["name"]) for e in entries if isinstance(e, Mapping) and "name" in e]
