"""What must fit between sections of a config: names that refer to each other, groups, servers, species, checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bsm.base.benchmarks import TASKS
from bsm.base.config.sources import SERVER_OF_KIND, FinewebEdu, RefseqGenomes
from bsm.base.config.species import KNOWN_TAXA
from bsm.base.config.wording import Problem

NAMED_SECTIONS = ("servers", "sources", "benchmarks", "models", "mixes")
_RESERVED = {
    "sources": {"groups": "names data/clean/groups.parquet", "benchmarks": "names data/raw/benchmarks"},
    "mixes": {"annealed": "stands for the winner of the annealing search"},
}
_ROUND_NAMES = ["round1", "round2", "round3"]
_SETTING_OF_KIND = {"fitness": "zero-shot", "language": "language-model"}


@dataclass(frozen=True)
class Sections:
    """The sections that could be read: sound values, names of sections with problems, names of entries as written."""

    values: dict[str, Any]
    wrong: set[str]
    names: dict[str, list[str] | None]

    def __getitem__(self, section: str) -> Any:
        return self.values[section]


def _names_unique(sections: Sections) -> Iterator[Problem]:
    for section, names in sections.names.items():
        for name in sorted({n for n in names or () if (names or []).count(n) > 1}):
            yield Problem(section, name, "the name occurs twice; every entry needs its own")
        for name in sorted(set(names or ()) & _RESERVED.get(section, {}).keys()):
            yield Problem(section, name, f"this name is taken: it {_RESERVED[section][name]}")


def _mixes_exist(sections: Sections) -> Iterator[Problem]:
    known = sections.names["mixes"]
    annealed = {
        "round2": sections["anneal"].candidates_round2,
        "round3": sections["anneal"].candidates_round3,
    }
    if known is None:
        return
    for round_ in sections["train"].rounds:
        key = f"train.rounds[{round_.name}].mix"
        if round_.mix == "annealed":
            if not annealed.get(round_.name):
                yield Problem(key, round_.mix, f"no anneal.candidates_{round_.name} to choose from")
        elif round_.mix not in known:
            yield Problem(key, round_.mix, f"unknown mix; allowed: annealed, {', '.join(known)}")
    for name, candidates in annealed.items():
        for mix in candidates:
            if mix not in known:
                yield Problem(f"anneal.candidates_{name}", mix, f"unknown mix; allowed: {', '.join(known)}")


def _mixes_have_sources(sections: Sections) -> Iterator[Problem]:
    if "sources" in sections.wrong:  # a source that cannot be read may well be of the group asked for
        return
    groups = {source.group for source in sections["sources"]}
    for mix in sections["mixes"]:
        for group, weight in mix.weights.items():
            if weight > 0 and group not in groups:
                yield Problem(f"mixes[{mix.name}].weights.{group}", weight, "no source of this group is configured")


def _servers_exist(sections: Sections) -> Iterator[Problem]:
    known = sections.names["servers"]
    if known is None:
        return
    for benchmark in sections["benchmarks"]:
        if benchmark.server not in known:
            allowed = f"unknown server; allowed: {', '.join(known)}"
            yield Problem(f"benchmarks[{benchmark.name}].server", benchmark.server, allowed)
    for source in sections["sources"]:
        server = SERVER_OF_KIND.get(source.kind)
        if server and server not in known:
            yield Problem(f"sources[{source.name}]", source.kind, f"needs an entry named {server} in servers")


def _contact_for_https(sections: Sections) -> Iterator[Problem]:
    settings = sections["acquire"]
    remote = [s.name for s in sections["servers"] if s.address.startswith("http")]
    for server in sections["servers"]:
        host = server.address.removeprefix("http://").split("/")[0]
        if server.address.startswith("http://") and host not in settings.allow_http:
            allowed = "plain http; list the host in acquire.allow_http"
            yield Problem(f"servers[{server.name}].address", server.address, allowed)
    if remote and "@" not in settings.contact:
        allowed = f"an e-mail address is required to download from {', '.join(remote)}"
        yield Problem("acquire.contact", settings.contact, allowed)


def _miniature_is_served(sections: Sections) -> Iterator[Problem]:
    world = sections["miniature"]
    for server in sections["servers"] if world else ():
        if server.address.startswith("file:") and not server.address.startswith(f"file:{world.folder}/"):
            allowed = f"the miniature is written to {world.folder}: must begin with file:{world.folder}/"
            yield Problem(f"servers[{server.name}].address", server.address, allowed)


def _species_known(sections: Sections) -> Iterator[Problem]:
    world = sections["miniature"]
    known = {s.name for s in world.world.species} if world else set(KNOWN_TAXA)
    hint = (
        f"unknown species of the miniature; allowed: {', '.join(sorted(known))}"
        if world
        else "unknown species; give its taxid or accession beside the name"
    )
    for source in sections["sources"]:
        if not isinstance(source, RefseqGenomes):
            continue
        for part in sorted({p for p in source.parts if source.parts.count(p) > 1}):
            yield Problem(f"sources[{source.name}].species", part, "species listed twice; each entry once")
        for entry in source.species:
            if entry.name not in known and (world or (entry.taxid is None and entry.accession is None)):
                yield Problem(f"sources[{source.name}].species", entry.name, hint)


def _three_letters_are_kept(sections: Sections) -> Iterator[Problem]:
    for source in sections["sources"] if sections["interleave"].three_letter == "read" else ():
        if isinstance(source, FinewebEdu) and not source.all_documents:
            allowed = "must be true for interleave.three_letter: read; else acquire leaves such documents out"
            yield Problem(f"sources[{source.name}].all_documents", False, allowed)


def _anneal_model_exists(sections: Sections) -> Iterator[Problem]:
    names = sections.names["models"]
    if names is not None and sections["anneal"].model not in names:
        yield Problem("anneal.model", sections["anneal"].model, f"unknown model; allowed: {', '.join(names)}")


def _rounds_in_order(sections: Sections) -> Iterator[Problem]:
    names = [r.name for r in sections["train"].rounds]
    if not names or names != _ROUND_NAMES[: len(names)]:
        yield Problem("train.rounds", names, "each round once, in order, from round1 on")
    for round_ in sections["train"].rounds:
        if sections["train"].budget_by == "steps" and round_.n_steps is None:
            yield Problem(f"train.rounds[{round_.name}].n_steps", None, "required because train.budget_by is steps")


def _evaluations_make_sense(sections: Sections) -> Iterator[Problem]:
    tasks = set(TASKS) if "benchmarks" in sections.wrong else {b.task for b in sections["benchmarks"]}
    for entry in sections["evaluate"].matrix:
        key = f"evaluate.matrix[{entry.task}]"
        if entry.task not in tasks | {"perplexity"}:
            yield Problem(key, entry.task, "no benchmark of this task is configured")
        kind = TASKS[entry.task].kind if entry.task in TASKS else "language"
        allowed = [_SETTING_OF_KIND.get(kind, "fine-tuned")]
        allowed += ["few-shot"] if entry.task == "central_dogma" else []
        if entry.setting not in allowed:
            yield Problem(f"{key}.setting", entry.setting, f"allowed for this task: {', '.join(allowed)}")


def _checkpoints_exist(sections: Sections) -> Iterator[Problem]:
    if "models" in sections.wrong:
        return
    models, n_rounds = sections["models"], len(sections["train"].rounds)
    letters = {"R": "mixed" in models[0].arms, "S": "single" in models[0].arms, "L": len(models) > 1}
    for entry in sections["evaluate"].matrix:
        for checkpoint in entry.checkpoints:
            if not letters[checkpoint[0]] or int(checkpoint[1]) > n_rounds:
                allowed = "no such checkpoint: it needs a second model (L), an arm (R mixed, S single) or a later round"
                yield Problem(f"evaluate.matrix[{entry.task}].checkpoints", checkpoint, allowed)


CROSS_CHECKS: tuple[Callable[[Sections], Iterator[Problem]], ...] = (
    _names_unique, _mixes_exist, _mixes_have_sources, _servers_exist, _contact_for_https, _miniature_is_served,
    _species_known, _three_letters_are_kept, _anneal_model_exists, _rounds_in_order, _evaluations_make_sense,
    _checkpoints_exist,
)  # fmt: skip
