"""Finding all problems of a config at once: per section first, then what must fit between sections."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from bsm.base.config.main import Config
from bsm.base.config.sources import RefseqGenomes
from bsm.base.config.species import KNOWN_TAXA
from bsm.base.errors import ConfigError


class Problem(NamedTuple):
    """One problem: the key, the value found there, and what is wrong or allowed."""

    key: str
    value: object
    allowed: str

    def __str__(self) -> str:
        text = repr(self.value)
        return f"{self.key} = {text if len(text) <= 80 else text[:79] + '…'}: {self.allowed}"


_MISSING = "(missing)"
_NAMED = ("servers", "sources", "benchmarks", "models", "mixes")


def check(config: Mapping[str, Any]) -> list[Problem]:
    """All problems of a merged config, in the order of its sections; empty where it is fine."""
    problems: list[Problem] = []
    sections: dict[str, Any] = {}
    for name, field in Config.model_fields.items():
        found, value = _check_section(name, field, config)
        problems += found
        if value is not None or not found:
            sections[name] = value
    problems += [
        Problem(str(key), config[key], f"unknown section; allowed: {', '.join(Config.model_fields)}")
        for key in config if key not in Config.model_fields
    ]  # fmt: skip
    sections["names"] = {section: _names(config, section) for section in _NAMED}
    for rule in _CROSS_CHECKS:
        try:
            problems += rule(sections)
        except KeyError:  # a section that this rule needs is itself wrong and already reported
            continue
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
            return [Problem(name, _MISSING, "this section is required; see config.yaml")], None
        return [], field.get_default(call_default_factory=True)
    adapter: TypeAdapter[Any] = TypeAdapter(_annotation(field))
    try:
        return [], adapter.validate_python(config[name])
    except ValidationError as error:
        problems = [_problem(name, config[name], e) for e in error.errors(include_url=False)]
        return problems, _sound_entries(adapter, config[name])


def _sound_entries(adapter: TypeAdapter[Any], value: Any) -> list[Any] | None:
    """The valid entries of a list with bad ones among them, so that one bad source does not hide another's problem."""
    if not isinstance(value, list):
        return None
    sound: list[Any] = []
    for entry in value:
        with contextlib.suppress(ValidationError):
            sound += adapter.validate_python([entry])
    return sound


def _names(config: Mapping[str, Any], section: str) -> list[str]:
    """Names of a section's entries as written, sound or not: a bad mix is no unknown mix."""
    entries = config.get(section) or []
    return [str(e["name"]) for e in entries if isinstance(e, Mapping) and "name" in e]


def _annotation(field: FieldInfo) -> Any:
    return Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation


def _problem(section: str, value: Any, error: Mapping[str, Any]) -> Problem:
    key = section
    node = value
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
    found = _MISSING if error["type"] == "missing" else error.get("input")
    message = str(error["msg"]).removeprefix("Value error, ")
    return Problem(key, found, message)


def _duplicate_names(sections: Mapping[str, Any]) -> Iterator[Problem]:
    for section, names in sections["names"].items():
        for name in sorted({n for n in names if names.count(n) > 1}):
            yield Problem(section, name, "the name occurs twice; every entry needs its own")


def _mixes_exist(sections: Mapping[str, Any]) -> Iterator[Problem]:
    known = sections["names"]["mixes"]
    annealed = {
        "round2": sections["anneal"].candidates_round2,
        "round3": sections["anneal"].candidates_round3,
    }
    for round_ in sections["train"].rounds:
        if round_.mix == "annealed":
            if not annealed.get(round_.name):
                yield Problem(
                    f"train.rounds[{round_.name}].mix", round_.mix, f"no anneal.candidates_{round_.name} to choose from"
                )
        elif round_.mix not in known:
            yield Problem(
                f"train.rounds[{round_.name}].mix", round_.mix, f"unknown mix; allowed: annealed, {', '.join(known)}"
            )
    for name, candidates in annealed.items():
        for mix in candidates:
            if mix not in known:
                yield Problem(f"anneal.candidates_{name}", mix, f"unknown mix; allowed: {', '.join(known)}")


def _mixes_have_sources(sections: Mapping[str, Any]) -> Iterator[Problem]:
    groups = {source.group for source in sections["sources"]}
    for mix in sections["mixes"]:
        for group, weight in mix.weights.items():
            if weight > 0 and group not in groups:
                yield Problem(f"mixes[{mix.name}].weights.{group}", weight, "no source of this group is configured")


def _servers_exist(sections: Mapping[str, Any]) -> Iterator[Problem]:
    known = sections["names"]["servers"]
    for benchmark in sections["benchmarks"]:
        if benchmark.server not in known:
            yield Problem(
                f"benchmarks[{benchmark.name}].server", benchmark.server, f"unknown server; allowed: {', '.join(known)}"
            )
    needed = {"refseq_genomes": "ncbi", "refseq_release": "ncbi", "ncbi_gene": "ncbi", "uniprot": "uniprot",
              "colabfold": "colabfold", "fineweb_edu": "huggingface"}  # fmt: skip
    for source in sections["sources"]:
        server = needed.get(source.kind)
        if server and server not in known:
            yield Problem(f"sources[{source.name}]", source.kind, f"needs an entry named {server} in servers")


def _contact_for_https(sections: Mapping[str, Any]) -> Iterator[Problem]:
    remote = [s.name for s in sections["servers"] if s.address.startswith("http")]
    for server in sections["servers"]:
        host = server.address.removeprefix("http://").split("/")[0]
        if server.address.startswith("http://") and host not in sections["acquire"].allow_http:
            yield Problem(
                f"servers[{server.name}].address", server.address, "plain http; list the host in acquire.allow_http"
            )
    if remote and not sections["acquire"].contact:
        yield Problem("acquire.contact", "", f"an e-mail address is required to download from {', '.join(remote)}")


def _species_known(sections: Mapping[str, Any]) -> Iterator[Problem]:
    world = sections["miniature"]
    if world:
        known = {s.name for s in world.world.species}
        hint = f"unknown species of the miniature; allowed: {', '.join(sorted(known))}"
    else:
        known = set(KNOWN_TAXA)
        hint = "unknown species; give its taxid or accession beside the name"
    for source in sections["sources"]:
        if not isinstance(source, RefseqGenomes):
            continue
        for entry in source.species:
            if entry.name not in known and (world or (entry.taxid is None and entry.accession is None)):
                yield Problem(f"sources[{source.name}].species", entry.name, hint)


def _models_exist(sections: Mapping[str, Any]) -> Iterator[Problem]:
    names = sections["names"]["models"]
    if names and sections["anneal"].model not in names:
        yield Problem("anneal.model", sections["anneal"].model, f"unknown model; allowed: {', '.join(names)}")


def _rounds_in_order(sections: Mapping[str, Any]) -> Iterator[Problem]:
    names = [r.name for r in sections["train"].rounds]
    if names != sorted(set(names)):
        yield Problem("train.rounds", names, "each round once, in order: round1, round2, round3")
    for round_ in sections["train"].rounds:
        if sections["train"].budget_by == "steps" and round_.n_steps is None:
            yield Problem(f"train.rounds[{round_.name}].n_steps", None, "required because train.budget_by is steps")


def _evaluations_have_benchmarks(sections: Mapping[str, Any]) -> Iterator[Problem]:
    tasks = {b.task for b in sections["benchmarks"]} | {"perplexity"}
    for entry in sections["evaluate"].matrix:
        if entry.task not in tasks:
            yield Problem("evaluate.matrix", entry.task, "no benchmark of this task is configured")


_CROSS_CHECKS: tuple[Callable[[Mapping[str, Any]], Iterator[Problem]], ...] = (
    _duplicate_names, _mixes_exist, _mixes_have_sources, _servers_exist, _contact_for_https, _species_known,
    _models_exist, _rounds_in_order, _evaluations_have_benchmarks,
)  # fmt: skip
