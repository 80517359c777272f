"""The benchmarks: published formats and balances; the planted laws are there and vanish with shuffled labels."""

from __future__ import annotations

import csv
import io
import tarfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from Bio.Seq import Seq
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from bsm.base.benchmarks import TASKS
from bsm.base.errors import ConfigError
from bsm.base.tables import BENCHMARK_ITEMS
from bsm.miniature.benchmarks import build_benchmarks, mutation_truth, private_code, write_benchmarks
from bsm.miniature.benchmarks.central_dogma import n_changed_bounds
from bsm.miniature.benchmarks.fitness import protein_law, rna_law
from bsm.miniature.benchmarks.interaction import PEPTIDE_MOTIFS, RNA_MOTIFS
from bsm.miniature.benchmarks.localisation import location_by_rule
from bsm.miniature.benchmarks.published import FOLDERS
from bsm.miniature.benchmarks.stability import stability_signal


@pytest.fixture(scope="module")
def mirror(world, items, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("mirror")
    write_benchmarks(world, items, out)
    return out


def published(mirror: Path, dataset: str, file: str) -> Path:
    hub, folder = FOLDERS[dataset]
    [found] = (mirror / "huggingface" / "datasets" / hub / "resolve").glob(f"*/{folder}/{file}")
    return found


def rows_of(mirror: Path, dataset: str, split: str) -> list[dict[str, str]]:
    with open(published(mirror, dataset, f"{split}/{split}.csv"), newline="") as handle:
        return list(csv.DictReader(handle))


def of_split(rows, *splits: str):
    return [row for row in rows if row["split"] in splits]


def agreement(predicted, labels) -> float:
    return float(np.mean([p == label for p, label in zip(predicted, labels, strict=True)]))


def test_rows_have_the_columns_of_benchmark_items_and_unique_ids(items):
    assert set(items) == {*TASKS, "private_code"}
    for dataset, rows in items.items():
        pa.Table.from_pylist(rows, schema=BENCHMARK_ITEMS)
        assert all(set(row) == set(BENCHMARK_ITEMS.names) for row in rows)
        assert {row["dataset"] for row in rows} == {dataset}
        assert len({row["item_id"] for row in rows}) == len(rows)


@pytest.mark.parametrize("dataset", FOLDERS)
def test_published_tables_repeat_the_items_row_by_row(mirror, items, dataset):
    labels = published(mirror, dataset, "label.txt").read_text().splitlines()
    assert labels[0] == "label"
    for split, folder in (("train", "train"), ("valid", "dev"), ("test", "test")):
        rows = of_split(items[dataset], split)
        for row, found in zip(rows, rows_of(mirror, dataset, folder) if rows else [], strict=True):
            suffixes = ("",) if row["id_b"] is None else ("_a", "_b")
            assert list(found) == [f"{c}{s}" for c in ("seq_id", "seq_type", "seq") for s in suffixes] + ["label"]
            for suffix, role in zip(suffixes, "ab", strict=False):
                assert found[f"seq_id{suffix}"] == row[f"id_{role}"]
                assert found[f"seq{suffix}"] == row[f"sequence_{role}"].upper()
                assert found[f"seq_type{suffix}"] == ("prot" if row[f"modality_{role}"] == "protein" else "gene")
            if row["label"] is None:
                assert np.float32(found["label"]) == np.float32(row["value"]) and len(found["label"]) > 6
            else:
                assert labels[int(found["label"]) + 1] == row["label"]


def test_the_quirks_of_the_published_sets_are_there(mirror):
    read = lambda *where: published(mirror, *where).read_bytes()  # noqa: E731
    assert read("ncrpi", "dev/dev.csv") == read("ncrpi", "test/test.csv")
    assert all(row["seq_id"].startswith(">") for row in rows_of(mirror, "protloc", "test"))
    assert not any("U" in row["seq_a"] for row in rows_of(mirror, "ncrpi", "train"))
    assert any(
        row["seq_id_a"].startswith("Negative02_Batch03_Nucl_") for row in rows_of(mirror, "private_code", "test")
    )
    assert published(mirror, "protloc", "label.txt").read_text().splitlines()[1:] == list(TASKS["protloc"].labels)


def test_class_balances_are_the_published_ones(items):
    def share(dataset: str, split: str, label: str) -> float:
        return float(np.mean([row["label"] == label for row in of_split(items[dataset], split)]))

    assert share("ncrpi", "train", "1") == share("ncrpi", "test", "1") == 0.5
    assert share("ppi", "train", "1") == pytest.approx(33_189 / 59_766, abs=0.005)
    for dataset in ("central_dogma", "private_code"):
        assert all(share(dataset, split, "1") == pytest.approx(1 / 3) for split in ("train", "valid", "test"))
    assert share("protloc", "train", "cytoplasmic") == pytest.approx(5_913 / 9_915, abs=0.005)
    assert share("protloc", "test", "cytoplasmic") == pytest.approx(250 / 1_131, abs=0.005)


def test_rna_family_training_is_balanced_with_duplicates_and_its_test_set_is_skewed(items):
    train, test = of_split(items["ncrnafam"], "train"), of_split(items["ncrnafam"], "test")
    assert len(set(Counter(row["label"] for row in train).values())) == 1
    assert len({row["sequence_a"] for row in train}) < len(train)
    counts = Counter(row["label"] for row in test)
    assert counts[min(counts)] == max(counts.values()) > 5 * min(counts.values())


def interact_by_motifs(row, motifs) -> str:
    a, b = row["sequence_a"], row["sequence_b"]
    found = any((left in a and right in b) or (right in a and left in b) for left, right in motifs)
    return str(int(found))


@pytest.mark.parametrize(("dataset", "motifs"), [("ncrpi", RNA_MOTIFS), ("ppi", PEPTIDE_MOTIFS)])
def test_complementary_motifs_decide_interactions_up_to_the_label_noise(world, items, dataset, motifs):
    rows, noise = items[dataset], world.settings.benchmarks.label_noise
    predicted = [interact_by_motifs(row, motifs) for row in rows]
    labels = [row["label"] for row in rows]
    spread = np.sqrt(noise * (1 - noise) / len(rows))
    assert abs(agreement(predicted, labels) - (1 - noise)) < 4 * spread
    assert agreement(predicted, np.random.default_rng(0).permutation(labels)) < 0.65
    assert len({row["sequence_b"] for row in rows}) < len(rows) / 2, "molecules recur, as in the published sets"


def test_targeting_signals_decide_the_location_up_to_the_label_noise(world, items):
    rows, noise = items["protloc"], world.settings.benchmarks.label_noise
    predicted, labels = [location_by_rule(row["sequence_a"]) for row in rows], [row["label"] for row in rows]
    assert abs(agreement(predicted, labels) - (1 - noise)) < 4 * np.sqrt(noise * (1 - noise) / len(rows))
    assert agreement(predicted, np.random.default_rng(0).permutation(labels)) < 0.5


def test_stability_follows_core_and_composition_and_test_designs_are_better(world, items):
    rows, train = items["protstab"], of_split(items["protstab"], "train")
    law = stability_signal([row["sequence_a"] for row in rows], [row["sequence_a"] for row in train],
                           world.settings.benchmarks.core_weight)  # fmt: skip
    values = np.array([row["value"] for row in rows])
    assert {len(row["sequence_a"]) for row in rows} <= set(range(43, 51))
    assert spearmanr(law, values).statistic > 0.93
    assert abs(spearmanr(law, np.random.default_rng(0).permutation(values)).statistic) < 0.15
    mean = {split: np.mean([row["value"] for row in of_split(rows, split)]) for split in ("train", "test")}
    assert abs(mean["train"] - 0.18) < 0.15 and 0.6 < mean["test"] < 1.4


def test_the_family_profile_names_the_rna_family(world, items):
    by_name = {family.name: family.profile for family in world.rna_families}

    def likelihood(letters: str, profile: np.ndarray) -> float:
        columns = ["acgt".index(c) for c in letters]
        fits = len(columns) == len(profile)
        return np.log(profile[np.arange(len(columns)), columns] + 1e-9).sum() if fits else -np.inf

    rows = of_split(items["ncrnafam"], "test")
    named = [max(by_name, key=lambda name, s=row["sequence_a"]: likelihood(s, by_name[name])) for row in rows]
    labels = [row["label"] for row in rows]
    assert agreement(named, labels) > 0.99
    assert agreement(named, np.random.default_rng(0).permutation(labels)) < 0.35


def test_central_dogma_positives_are_held_out_genes_with_flanks(world, items):
    flank = world.settings.benchmarks.flank_nt
    genes = {gene.transcripts[0].protein: gene for gene in world.held_out_genes}
    positives = [row for row in items["central_dogma"] if row["label"] == "1"]
    for row in positives:
        gene = genes[row["sequence_b"]]
        assert row["sequence_a"][flank:-flank] == gene.dna
        assert str(Seq(gene.transcripts[0].cds).translate(gene.genetic_code)) == row["sequence_b"] + "*"
    assert len({row["sequence_b"] for row in positives}) == len(positives)


def is_subsequence(short: str, long: str) -> bool:
    rest = iter(long)
    return all(letter in rest for letter in short)


def hamming(a: str, b: str) -> int:
    return sum(x != y for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("dataset", ["central_dogma", "private_code"])
def test_every_negative_is_its_genes_pair_changed_by_the_stated_kind_and_dose(world, items, dataset):
    rows = {row["item_id"]: row for row in items[dataset]}
    truth = {row["item_id"]: row for row in mutation_truth(world) if row["dataset"] == dataset}
    assert set(truth) == {item_id for item_id, row in rows.items() if row["label"] == "0"}
    number = lambda row: (row["split"], row["id_a"].rsplit("_", 1)[1])  # noqa: E731
    true_pair = {number(row): row for row in rows.values() if row["label"] == "1"}
    low, high = world.settings.benchmarks.mutation_share
    for item_id, mutation in truth.items():
        row, pair = rows[item_id], true_pair[number(rows[item_id])]
        old, new = (pair[f"sequence_{'b' if mutation['kind'] == 'protein' else 'a'}"],
                    row[f"sequence_{'b' if mutation['kind'] == 'protein' else 'a'}"])  # fmt: skip
        n = mutation["n_changed"]
        assert low - 1e-9 <= mutation["dose"] == n / len(old) <= high + 1e-9
        if mutation["kind"] in ("substitution", "protein"):
            assert hamming(old, new) == n
        else:
            longer, shorter = (new, old) if mutation["kind"] == "insertion" else (old, new)
            assert len(longer) - len(shorter) == n and is_subsequence(shorter, longer)
        other = "a" if mutation["kind"] == "protein" else "b"
        assert row[f"sequence_{other}"] == pair[f"sequence_{other}"]
    kinds = Counter(mutation["kind"] for mutation in truth.values())
    assert max(kinds.values()) - min(kinds.values()) <= 3 and len(kinds) == 4


@given(st.integers(1, 3000), st.tuples(st.integers(0, 100), st.integers(0, 100)).map(sorted))
def test_the_dose_of_a_negative_never_leaves_its_range_where_a_whole_number_of_letters_lies_in_it(n_letters, percent):
    low, high = n_changed_bounds(n_letters, (percent[0] / 100, percent[1] / 100))
    inside = [n for n in range(1, n_letters + 1) if percent[0] * n_letters <= 100 * n <= percent[1] * n_letters]
    if inside:
        assert (low, high) == (inside[0], inside[-1])
    else:
        assert low == high == max(1, -(-percent[0] * n_letters // 100))


def test_most_changes_touch_the_codons_and_the_truth_says_how_many(world, items):
    rows = {row["item_id"]: row for row in items["private_code"]}
    flank = world.settings.benchmarks.flank_nt
    for mutation in mutation_truth(world):
        if mutation["dataset"] == "private_code" and mutation["kind"] == "substitution":
            row = rows[mutation["item_id"]]
            pair = next(r for r in rows.values() if r["label"] == "1" and r["sequence_b"] == row["sequence_b"])
            changed = [i for i, (x, y) in enumerate(zip(row["sequence_a"], pair["sequence_a"], strict=True)) if x != y]
            assert mutation["n_coding"] == sum(flank <= i < len(row["sequence_a"]) - flank for i in changed)


def test_the_private_code_keeps_stops_moves_every_amino_acid_and_explains_its_positives(world, items):
    code, flank = private_code(world), world.settings.benchmarks.flank_nt
    assert len(set(code.values())) == 21
    for codon, amino_acid in code.items():
        standard = str(Seq(codon).translate())
        assert (standard == "*") == (amino_acid == "*") and (standard == "*" or standard != amino_acid)
    for row in items["private_code"]:
        if row["label"] == "1":
            cds = row["sequence_a"][flank:-flank]
            assert "".join(code[cds[i : i + 3]] for i in range(0, len(cds), 3)) == row["sequence_b"] + "*"
            assert hamming(str(Seq(cds).translate())[:-1], row["sequence_b"]) == len(row["sequence_b"])


def test_fitness_archive_holds_one_table_per_assay_with_the_wild_type_beside_each_variant(mirror, items):
    with tarfile.open(mirror / "fitness" / "arvind_dms.tar.gz") as archive:
        members = {m.name: archive.extractfile(m).read().decode() for m in archive.getmembers()}
    assert sorted(members) == sorted(
        f"arvind_dms/processed_dms_nt_mini_{kind}_{n}.tsv" for kind in ("ncrna", "protein") for n in (1, 2, 3)
    )
    for row_set, column in (("protein_fitness", "sequence_b"), ("ncrna_fitness", "sequence_a")):
        for assay in {row["assay"] for row in items[row_set]}:
            rows = [row for row in items[row_set] if row["assay"] == assay]
            text = io.StringIO(members[f"arvind_dms/processed_dms_nt_{assay}.tsv"])
            found = list(csv.DictReader(text, delimiter="\t"))
            assert [f["mt_seq_nt"] for f in found] == [row[column].upper() for row in rows]
            assert [float(f["fitness"]) for f in found] == [row["value"] for row in rows]
            assert {f["wt_seq_nt"] for f in found} == {rows[0][column].upper()} and rows[0]["mutant"] == "WT"


def applied(wild: str, mutant: str) -> str:
    letters = list(wild)
    for change in [] if mutant == "WT" else mutant.split(":"):
        assert letters[int(change[1:-1]) - 1] == change[0]
        letters[int(change[1:-1]) - 1] = change[-1]
    return "".join(letters)


def test_protein_variants_are_what_their_genes_encode_and_what_their_names_say(items):
    for assay in {row["assay"] for row in items["protein_fitness"]}:
        rows = [row for row in items["protein_fitness"] if row["assay"] == assay]
        assert sum("*" in row["mutant"] for row in rows) >= 3
        for row in rows:
            encoded = str(Seq(row["sequence_b"]).translate())
            assert encoded == applied(rows[0]["sequence_a"], row["mutant"])
            assert row["sequence_a"] == encoded.split("*")[0]


def test_protein_fitness_follows_the_family_profile(world, items):
    for assay in sorted({row["assay"] for row in items["protein_fitness"]}):
        rows = [row for row in items["protein_fitness"] if row["assay"] == assay and "*" not in row["mutant"]]
        wild = rows[0]["sequence_a"]
        family = max((f for f in world.families if len(f.profile) == len(wild)), key=lambda f: protein_law(f, wild))
        law, values = [protein_law(family, row["sequence_a"]) for row in rows], [row["value"] for row in rows]
        assert spearmanr(law, values).statistic > 0.85
        assert abs(spearmanr(law, np.random.default_rng(1).permutation(values)).statistic) < 0.3


def test_rna_fitness_follows_base_pairs_and_conservation(world, items):
    weight = world.settings.benchmarks.pairing_weight
    for assay in sorted({row["assay"] for row in items["ncrna_fitness"]}):
        rows = [row for row in items["ncrna_fitness"] if row["assay"] == assay]
        wild = rows[0]["sequence_a"]
        assert all(row["sequence_a"].upper() == applied(wild.upper(), row["mutant"]) for row in rows)
        families = [f for f in world.rna_families if len(f.profile) == len(wild)]
        family = max(families, key=lambda f: rna_law(f, wild, weight))
        law, values = [rna_law(family, row["sequence_a"], weight) for row in rows], [row["value"] for row in rows]
        assert spearmanr(law, values).statistic > 0.85
        assert abs(spearmanr(law, np.random.default_rng(1).permutation(values)).statistic) < 0.3


def test_breaking_a_base_pair_costs_and_restoring_it_repays(world):
    family = world.rna_families[0]
    five, three = family.pairs[0]
    letters = list("a" * len(family.profile))
    for i, j in family.pairs:
        letters[i], letters[j] = "g", "c"
    paired = rna_law(family, "".join(letters), 2.0)
    letters[three] = "a"
    assert rna_law(family, "".join(letters), 2.0) == pytest.approx(paired - 2.0)
    letters[three] = "t"
    assert rna_law(family, "".join(letters), 2.0) == pytest.approx(paired)
    assert five < three


def test_the_mirror_is_byte_stable(world, mirror, tmp_path):
    write_benchmarks(world, build_benchmarks(world), tmp_path)
    files = sorted(p.relative_to(mirror) for p in mirror.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file())
    assert all((mirror / file).read_bytes() == (tmp_path / file).read_bytes() for file in files)


def test_more_items_than_held_out_genes_is_refused(world):
    benchmarks = world.settings.benchmarks.model_copy(update={"central_dogma": (60, 90, 24_000)})
    greedy = replace(world, settings=world.settings.model_copy(update={"benchmarks": benchmarks}))
    with pytest.raises(ConfigError, match="held-out genes"):
        build_benchmarks(greedy)


def test_a_pool_too_small_for_its_pairs_is_refused(world):
    benchmarks = world.settings.benchmarks.model_copy(update={"ppi_pool": 12})
    small = replace(world, settings=world.settings.model_copy(update={"benchmarks": benchmarks}))
    with pytest.raises(ConfigError, match="ppi_pool"):
        build_benchmarks(small)
