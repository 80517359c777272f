"""The published counts: what the register holds, and that a set which differs is named."""

from __future__ import annotations

import pytest

from bsm.acquire.benchmarks.published import Published, check_published, parse_expected
from bsm.acquire.registry import FILES, REGISTRY, path_of, read_registry
from bsm.base.config.data import AcquireSettings
from bsm.base.config.load import load_config
from bsm.base.config.problems import validated
from bsm.base.config.sources import Benchmark, Colabfold, FinewebEdu, NcbiGene, RefseqGenomes, RefseqRelease, Uniprot
from bsm.base.errors import ConfigError, InputError

SOURCES = (Colabfold, FinewebEdu, NcbiGene, RefseqGenomes, RefseqRelease, Uniprot)
LICENCES = {m.model_fields["kind"].annotation.__args__[0]: m.model_fields["licence"].default for m in SOURCES}
SPLITS = ("train", "valid", "test")


def benchmark(**changes):
    return Benchmark(**{
        "name": "b", "task": "ncrpi", "format": "pairs", "server": "s", "path": "p", "licence": "x", **changes,
    })  # fmt: skip


def test_every_row_of_the_register_is_complete_and_named_once():
    lines = REGISTRY.read_text().splitlines()
    assert len(lines) == len(FILES) + 1  # no name twice
    for file in read_registry().values():
        assert file.publisher and file.pattern and file.version and file.checksum and file.licence, file.name
        assert not file.pattern.startswith("/") and "://" not in file.pattern, file.name
        if file.kind != "benchmark":
            assert file.licence == LICENCES[file.kind], file.name


def test_published_sums_agree_with_their_parts():
    for file in FILES.values():
        facts = {name: value for name, value in parse_expected(file.expected).items() if ".." not in value}
        for split in (*SPLITS, "all"):
            parts = [int(v) for n, v in facts.items() if n.startswith(f"{split}.") and n.count(".") == 1
                     and not n.endswith(("n_classes", "not_positive"))]  # fmt: skip
            if split in facts and len(parts) > 1:
                assert sum(parts) == int(facts[split]), (file.name, split)


def test_classes_of_the_train_set_of_families_sum_to_its_rows():
    facts = parse_expected(FILES["ncrnafam"].expected)
    assert int(facts["train.n_classes"]) * int(facts["train.class.max"]) == int(facts["train"]) == 105_864


@pytest.mark.parametrize("name", ["paper", "lab"])
def test_the_configs_ask_for_the_published_counts_of_every_mirrored_set(name):
    config = validated(load_config([f"config/{name}.yaml"]))
    asked = {b.task: b.published for b in config.benchmarks if b.format == "lucaone"}
    assert asked == {task: task for task in ("ncrpi", "central_dogma", "ppi", "protloc", "protstab", "ncrnafam")}
    assert [b.published for b in config.benchmarks if b.task == "ncrna_fitness"] == ["evo_ncrna"]
    servers = {server.name for server in config.servers}
    used = {FILES[n].server for n in ("assembly", "efetch", "gene_package", "hub_file", "colabfold_envdb", "uniref50")}
    assert used <= servers
    assert config.acquire != AcquireSettings()


def tally(rows, splits="test"):
    published = Published()
    for label, value, a, b in rows:
        published.note(splits, label=label, value=value, sequence_a=a, sequence_b=b)
    return published


PAIRS = tally([("1", None, "acgt", "MKV"), ("1", None, "ac", "MKVAA"), ("0", None, "acg", "M")])


@pytest.mark.parametrize(
    ("fact", "right", "wrong"),
    [
        ("test", "3", "4"), ("test.1", "2", "1"), ("test.n_classes", "2", "3"), ("test.class.max", "2", "3"),
        ("length.max", "5", "6"), ("length.max", "4", "3"), ("length.min", "1", "0"), ("length.mean", "3", "5"),
        ("test.1", "1..2", "3..4"), ("train", "0", "1"), ("names.rna", "0", "1"),
    ],
)  # fmt: skip
def test_a_count_that_differs_stops_the_run_and_is_named(monkeypatch, fact, right, wrong):
    row = FILES["ncrpi"]
    for stated, fails in ((right, False), (wrong, True)):
        monkeypatch.setitem(FILES, "ncrpi", type(row)(**{**vars(row), "expected": f"{fact}={stated}"}))
        if not fails:
            check_published(benchmark(published="ncrpi"), PAIRS)
            continue
        with pytest.raises(InputError, match=rf"benchmark b: {fact}.* published {stated}"):
            check_published(benchmark(published="ncrpi"), PAIRS)


def test_values_are_compared_at_the_published_digits(monkeypatch):
    row = FILES["protstab"]
    text = "train.value.min=-1.97; train.value.mean=0.1791; train.not_positive=1"
    monkeypatch.setitem(FILES, "protstab", type(row)(**{**vars(row), "expected": text}))
    entry = benchmark(task="protstab", published="protstab")
    check_published(entry, tally([(None, -1.9704, "MK", None), (None, 2.32864, "MK", None)], "train"))
    with pytest.raises(InputError, match=r"train.value.mean 0.1800, published 0.1791"):
        check_published(entry, tally([(None, -1.9704, "MK", None), (None, 2.3304, "MK", None)], "train"))


def test_odd_entries_and_unknown_rows_are_refused():
    with pytest.raises(ConfigError, match="train=many"):
        parse_expected("train=many")
    with pytest.raises(ConfigError, match=r"Known: .*rpi1807"):
        check_published(benchmark(published="nothing"), PAIRS)


def test_paths_are_filled_from_the_register():
    assert path_of("hub_file", dataset="a/b", commit="c", path="d.csv") == "datasets/a/b/resolve/c/d.csv"
