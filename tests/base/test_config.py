"""The config: one model, one schema file, and every problem reported at once before anything starts."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from snakemake.utils import update_config

from bsm.base.config import ROOT_CONFIG, check, json_schema, load_config, merge, validated
from bsm.base.errors import ConfigError

ROOT = Path(ROOT_CONFIG).parent
OVERLAYS = sorted((ROOT / "config").glob("*.yaml"))
SCHEMA_FILE = ROOT / "workflow" / "schemas" / "config.schema.json"

keys = st.sampled_from(["a", "b", "c"])
values = st.recursive(st.integers() | st.lists(st.integers()), lambda v: st.dictionaries(keys, v), max_leaves=8)
configs = st.dictionaries(keys, values)


@pytest.mark.parametrize("overlay", [None, *OVERLAYS], ids=lambda p: p.stem if p else "miniature")
def test_every_shipped_config_is_valid(overlay):
    assert check(load_config([overlay] if overlay else [])) == []


def test_the_schema_file_is_the_one_the_models_generate():
    expected = json.dumps(json_schema(), indent=2, sort_keys=True) + "\n"
    assert SCHEMA_FILE.read_text() == expected, "run: bsm config --schema workflow/schemas/config.schema.json"


def test_every_section_of_the_schema_says_what_it_is():
    undescribed = [name for name, section in json_schema()["$defs"].items() if not section.get("description")]
    assert undescribed == []


def mapping_over_scalar(base, overlay) -> bool:
    """Snakemake has no meaning for a mapping laid over a scalar (it keeps the scalar or crashes); ours replaces it."""
    shared = [(base[key], value) for key, value in overlay.items() if key in base and isinstance(value, dict)]
    return any(not isinstance(old, dict) or mapping_over_scalar(old, new) for old, new in shared)


@given(configs, configs)
def test_overlays_merge_exactly_as_snakemake_merges_them(base, overlay):
    assume(not mapping_over_scalar(base, overlay))
    expected = copy.deepcopy(base)
    update_config(expected, copy.deepcopy(overlay))
    assert merge(base, overlay) == expected


def broken(change) -> list[str]:
    config = copy.deepcopy(load_config())
    change(config)
    return [str(problem) for problem in check(config)]


def set_path(*path_and_value):
    *path, last, value = path_and_value

    def change(config):
        node = config
        for step in path:
            node = node[step]
        node[last] = value

    return change


WRONG = {
    "missing section": (lambda c: c.pop("models"), ["models = (missing): this section is required"]),
    "missing key": (
        lambda c: c["sources"][1].pop("datasets"),
        ["sources[uniprot].datasets = (missing): this key is required"],
    ),
    "wrong type": (
        set_path("shard", "context_tokens", "long"),
        ["shard.context_tokens = 'long': must be a whole number"],
    ),
    "unknown key": (
        set_path("clean", "levle", "strict"),
        ["clean.levle = 'strict': unknown key; did you mean level? allowed: acknowledge_loss, "],
    ),
    "unknown section": (
        set_path("cleaning", {}),
        ["cleaning = {}: unknown key; did you mean clean? allowed: corpus, miniature"],
    ),
    "unknown task": (
        set_path("evaluate", "matrix", 0, "task", "folding"),
        ["evaluate.matrix[0].task = 'folding': unknown task; allowed: ncrpi, central_dogma"],
    ),
    "negative budget": (
        set_path("train", "rounds", 0, "n_tokens", -5),
        ["train.rounds[round1].n_tokens = -5: must be greater than 0"],
    ),
    "unknown species": (
        set_path("sources", 3, "species", 0, "name", "Miniatura nonsense"),
        ["sources[refseq_pairs].species = 'Miniatura nonsense': unknown species of the miniature; allowed: Miniatura"],
    ),
    "three letters of documents that are left out": (
        set_path("interleave", {"three_letter": "read"}),
        ["sources[web].all_documents = False: must be true for interleave.three_letter: read"],
    ),
    "mix that sums to zero": (
        set_path("mixes", 1, "weights", {"single": 0, "web": 0}),
        ["the weights sum to zero; give at least one group a positive weight"],
    ),
    "unknown mix": (
        set_path("train", "rounds", 0, "mix", "secret"),
        ["train.rounds[round1].mix = 'secret': unknown mix; allowed: annealed, single_only"],
    ),
    "group without a source": (
        lambda c: c["sources"].pop(5),
        ["mixes[paper_round3].weights.web = 10.0: no source of this group is configured"],
    ),
    "name twice": (lambda c: c["mixes"].append(c["mixes"][0]), ["mixes = 'single_only': the name occurs twice"]),
    "unknown server": (
        set_path("benchmarks", 0, "server", "nowhere"),
        ["benchmarks[ncrpi].server = 'nowhere': unknown server; allowed: ncbi, uniprot"],
    ),
    "plain http": (
        set_path("servers", 0, "address", "http://example.org"),
        ["servers[ncbi].address = 'http://example.org': plain http; list the host in acquire.allow_http"],
    ),
    "https without contact": (
        set_path("servers", 0, "address", "https://example.org"),
        ["acquire.contact = '': an e-mail address is required to download from ncbi"],
    ),
    "truth value for a number": (
        set_path("clean", "max_loss", True),
        ["clean.max_loss = True: must not be true or false"],
    ),
    "text for a truth value": (
        set_path("clean", "acknowledge_loss", "yes"),
        ["clean.acknowledge_loss = 'yes': must be true or false"],
    ),
    "infinite number": (
        set_path("shard", "max_passes", float("inf")),
        ["shard.max_passes = inf: must be a finite number"],
    ),
    "reversed range": (
        set_path("miniature", "benchmarks", "mutation_share", [0.5, 0.1]),
        ["miniature.benchmarks.mutation_share = [0.5, 0.1]: the first number must not be larger than the second"],
    ),
    "unknown kind": (
        set_path("sources", 0, "kind", "tape"),
        ["unknown kind 'tape'; allowed: 'refseq_release', 'uniprot'"],
    ),
    "section that is no mapping": (set_path("shard", [1]), ["shard = [1]: must be a mapping of keys to values"]),
    "reserved source name": (
        set_path("sources", 5, "name", "groups"),
        ["sources = 'groups': this name is taken: it names data/clean/groups.parquet"],
    ),
    "reserved mix name": (set_path("mixes", 0, "name", "annealed"), ["mixes = 'annealed': this name is taken"]),
    "empty licence": (set_path("benchmarks", 0, "licence", ""), ["benchmarks[ncrpi].licence = '': must not be empty"]),
    "path upwards": (
        set_path("benchmarks", 0, "path", "../../etc/passwd"),
        ["benchmarks[ncrpi].path = '../../etc/passwd': must stay below the server's address"],
    ),
    "rising learning rate": (
        set_path("train", "rounds", 0, "learning_rate_end", 1.0),
        ["learning_rate_end must not be larger than learning_rate_start"],
    ),
    "rounds without the first": (
        lambda c: c["train"]["rounds"].pop(0),
        ["train.rounds = ['round2', 'round3']: each round once, in order, from round1 on"],
    ),
    "setting that does not fit the task": (
        set_path("evaluate", "matrix", 3, "setting", "few-shot"),
        ["evaluate.matrix[protstab].setting = 'few-shot': allowed for this task: fine-tuned"],
    ),
    "checkpoint of an arm that is not trained": (
        set_path("models", 0, "arms", ["mixed"]),
        ["evaluate.matrix[ncrpi].checkpoints = 'S2': no such checkpoint"],
    ),
    "world written elsewhere than served": (
        set_path("miniature", "folder", "data/world"),
        ["servers[ncbi].address = 'file:data/miniature/ncbi': the miniature is written to data/world"],
    ),
    "contact that is no address": (
        lambda c: (c.update(acquire={"contact": "me"}), set_path("servers", 0, "address", "https://x.org")(c)),
        ["acquire.contact = 'me': an e-mail address is required"],
    ),
    "odd head size": (set_path("models", 0, "n_heads", 3), ["width 128 must be an even multiple of n_heads 3"]),
    "species twice": (
        lambda c: c["sources"][3]["species"].append({"name": "Miniatura florida"}),
        ["sources[refseq_pairs].species = 'miniatura_florida': species listed twice"],
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_config_is_reported_with_key_value_and_what_is_allowed(name):
    change, expected = WRONG[name]
    problems = "\n".join(broken(change))
    for text in expected:
        assert text in problems


def test_all_problems_are_reported_at_once_also_in_one_list():
    def all_at_once(config):
        set_path("shard", "context_tokens", "long")(config)
        set_path("shard", "max_passes", True)(config)
        set_path("sources", 0, "kind", "tape")(config)
        set_path("sources", 3, "species", 0, "name", "Nobody nowhere")(config)
        set_path("train", "rounds", 0, "n_tokens", -1)(config)
        config.pop("models")

    problems = broken(all_at_once)
    assert len(problems) == 6, problems


def test_one_bad_source_brings_no_false_problem_of_others():
    problems = broken(set_path("sources", 0, "kind", "tape"))
    assert len(problems) == 1, problems


def test_the_error_of_an_invalid_config_counts_and_numbers_its_problems():
    config = load_config()
    config["shard"] = {"context_tokens": 1, "rows_per_shard": 0}
    with pytest.raises(ConfigError, match=r"(?s)2 problem\(s\) in the config; nothing was started\n  1\. .*\n  2\. "):
        validated(config)


def test_a_config_file_that_is_no_yaml_is_named(tmp_path):
    (tmp_path / "bad.yaml").write_text("a: [1,\n")
    with pytest.raises(ConfigError, match=r"bad\.yaml: not valid YAML"):
        load_config([tmp_path / "bad.yaml"])
