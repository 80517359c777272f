"""``bsm report table``: the table of all numbers, the published ones beside them, and the page."""

from __future__ import annotations

import csv
import random

import pytest
from report_results import MODELS, evaluations, result, write_evaluations

from bsm.base.results import Result, write_results
from bsm.cli import main
from bsm.report.published import beside, by_others, published


@pytest.fixture
def table(tmp_path):
    """``table(paths)`` runs the command and returns (CSV text, Markdown text)."""

    def call(paths, corpus="miniature", models=MODELS, benchmarks=(), code=0):
        out, page = tmp_path / "out" / "table1.csv", tmp_path / "out" / "table1.md"
        flags = ["--benchmarks", *benchmarks] if benchmarks else []
        flags += ["--models", *models, "--corpus", corpus, "--out", str(out), "--markdown", str(page)]
        assert main(["report", "table", "--results", *map(str, paths), *flags]) == code
        return (out.read_text(), page.read_text()) if code == 0 else (out.exists(), page.exists())

    return call


def _written(path, *rows: Result):
    write_results(path, rows)
    return path


def _rows(text):
    return list(csv.DictReader(text.splitlines()))


def test_one_row_per_number_in_a_fixed_order_with_the_published_number_beside_it(table, tmp_path):
    own = {"ci_low": None, "ci_high": None, "n": 10, "seeds": 1}
    few = own | {"setting": "few-shot", "seeds": None}
    paths = [
        _written(tmp_path / "b.csv", result("ppi", "L3", 0.7, **own), result("ppi", "kmer", 0.9, **own),
                 result("ppi", "S3", 0.6, **own), result("ppi", "R1", 0.8, **own)),
        _written(tmp_path / "a.csv", result("central_dogma", "R3", 0.5, shots=10, score="sum", **few),
                 result("central_dogma", "R3", 0.5, shots=2, score="pmi", **few),
                 result("central_dogma", "R3", 0.5, shots=2, score="sum", **few),
                 result("ncrpi", "R3", 0.5, metric="auroc", **own),
                 result("ncrpi", "R3", 0.5, ci_low=0.25, ci_high=0.75, n=20, seeds=3)),
    ]  # fmt: skip
    assert table(paths)[0] == (
        "task,dataset,model,arm,round,setting,input,shots,score,metric,value,ci_low,ci_high,n,seeds,published,"
        "published_source,corpus\n"
        "ncrpi,ncrpi,bsm-mini,mixed,round3,fine-tuned,rna+protein,,,accuracy,0.500000,0.250000,0.750000,20,3,0.9494,"
        "arXiv 2410.11499 Table 1a,miniature\n"
        "ncrpi,ncrpi,bsm-mini,mixed,round3,fine-tuned,rna+protein,,,auroc,0.500000,,,10,1,,,miniature\n"
        "central_dogma,central_dogma,bsm-mini,mixed,round3,few-shot,dna+protein,2,sum,accuracy,0.500000,,,10,,,,miniature\n"
        "central_dogma,central_dogma,bsm-mini,mixed,round3,few-shot,dna+protein,2,pmi,accuracy,0.500000,,,10,,,,miniature\n"
        "central_dogma,central_dogma,bsm-mini,mixed,round3,few-shot,dna+protein,10,sum,accuracy,0.500000,,,10,,,,miniature\n"
        "ppi,ppi,bsm-mini,mixed,round1,fine-tuned,protein+protein,,,accuracy,0.800000,,,10,1,0.9591,"
        "arXiv 2410.11499 Table 1a,miniature\n"
        "ppi,ppi,bsm-mini,single,round3,fine-tuned,protein+protein,,,accuracy,0.600000,,,10,1,0.9651,"
        "iclr-text Table 1,miniature\n"
        "ppi,ppi,bsm-mini-large,mixed,round3,fine-tuned,protein+protein,,,accuracy,0.700000,,,10,1,0.9788,"
        "iclr-text Table 2,miniature\n"
        "ppi,ppi,kmer,none,,fine-tuned,protein+protein,,,accuracy,0.900000,,,10,1,,,miniature\n"
    )


def test_the_order_of_files_and_of_rows_in_them_does_not_matter(table, tmp_path):
    expected = table(write_evaluations(tmp_path / "a"))
    rows = [row for rows in evaluations().values() for row in rows]
    for seed in range(3):
        random.Random(seed).shuffle(rows)
        half = len(rows) // 2
        paths = [_written(tmp_path / f"{seed}{i}.csv", *part) for i, part in enumerate((rows[:half], rows[half:]))]
        assert table(paths[::-1]) == expected


def test_every_number_of_every_file_is_in_the_table_once(table, tmp_path):
    rows = _rows(table(write_evaluations(tmp_path))[0])
    assert len(rows) == sum(map(len, evaluations().values()))
    assert {row["corpus"] for row in rows} == {"miniature"}


def test_one_measurement_with_two_values_is_refused_and_nothing_is_written(table, tmp_path, capsys):
    paths = [_written(tmp_path / f"{value}.csv", result("ppi", "R3", value)) for value in (0.5, 0.6)]
    assert table(paths, code=1) == (False, False)
    message = capsys.readouterr().err
    assert str(paths[0]) in message and str(paths[1]) in message and "ppi ppi bsm-mini mixed round3" in message


def test_the_same_row_in_two_files_stands_once(table, tmp_path):
    paths = [_written(tmp_path / name, result("ppi", "R3", 0.5)) for name in ("a.csv", "b.csv")]
    assert len(_rows(table(paths)[0])) == 1


@pytest.mark.parametrize(
    ("column", "value"),
    [("task", "ppj"), ("model", "bsm-mimi"), ("arm", "mixd"), ("round", "round4"), ("metric", "f1"),
     ("setting", "tuned"), ("score", "max"), ("value", float("nan"))],
)  # fmt: skip
def test_a_name_that_is_not_known_or_a_value_that_is_none_is_refused_with_the_file(
    table, tmp_path, capsys, column, value
):
    path = _written(tmp_path / "a.csv", result("ppi", "R3", **{column: value}))
    table([path], code=1)
    assert str(path) in capsys.readouterr().err


def test_the_published_number_stands_only_beside_the_same_measurement():
    same = result("protein_fitness", "R3", setting="zero-shot", input="gene+protein")
    assert beside(same, MODELS).value == "0.423"
    other_model = result("protein_fitness", "L3", setting="zero-shot", input="gene+protein")
    assert beside(other_model, MODELS).value == "0.441"
    assert beside(same, MODELS[::-1]).value == "0.441"
    for change in (
        {"dataset": "mini_1"}, {"dataset": "my_assays"}, {"arm": "no_web"}, {"round": "round1"},
        {"setting": "few-shot"}, {"input": "gene"},
        {"input": "protein, assays with a gene"},
        {"shots": 0}, {"metric": "auroc"}, {"model": "third"}, {"model": "kmer", "arm": "none", "round": ""},
        {"task": "ncrna_fitness"},
    ):  # fmt: skip
        changed = result("protein_fitness", "R3", **({"setting": "zero-shot", "input": "gene+protein"} | change))
        assert beside(changed, (*MODELS, "third")) is None, change


def test_the_papers_own_table_1_is_in_the_list():
    arxiv = {
        (p.task, p.model, p.round): p.value for p in published() if p.source.startswith("arXiv 2410.11499 Table 1")
    }
    assert arxiv == {
        ("ncrpi", "BSM-110M", "round2"): "0.9422", ("ncrpi", "BSM-110M", "round3"): "0.9494",
        ("ppi", "BSM-110M", "round1"): "0.9591", ("ppi", "BSM-110M", "round2"): "0.9722",
        ("ppi", "BSM-110M", "round3"): "0.9750", ("perplexity", "BSM-270M", "round3"): "9.47",
        ("perplexity", "ProGen2 2.7B", ""): "8.92", ("perplexity", "ProtGPT2 700M", ""): "9.75",
    }  # fmt: skip


def test_what_exists_only_as_bars_has_no_published_number():
    assert not [p for p in published() if p.task == "central_dogma" or p.setting == "few-shot"]
    assert [(p.task, p.value) for p in by_others() if p.model.startswith("BSM")] == [("ncrnafam", "0.975")]


def test_the_page_says_what_a_generated_world_means_and_shows_every_table(table, tmp_path):
    lines = table(write_evaluations(tmp_path))[1].splitlines()
    assert lines[0] == "# Table 1 (corpus: miniature)" and "generated world" in lines[2]
    for line in (
        "| task | metric | R1 | R2 | R3 | S2 | S3 | W3 | L1 | L2 | L3 | best baseline |",
        "| ppi | accuracy | 0.600 | 0.610 | 0.620 | 0.630 | 0.640 |  |  |  | 0.650 | 0.550 kmer |",
        "| central_dogma, few-shot, shots 2 | balanced_accuracy |  |  | 0.800 |  | 0.800 |  |  |  | 0.800"
        " | 0.500 majority |",
        "| bsm-mini single R3 | 0.630 [0.580, 0.680] | 0.650 [0.600, 0.700] | 0.670 [0.620, 0.720] | 300 | 3"
        " | 0.9220 |",
        "| **central_dogma** | shots | accuracy | balanced_accuracy | auroc | balanced_accuracy, mean"
        " | balanced_accuracy, pmi | balanced_accuracy, minimum | n |",
        "| **fitness**, spearman | protein_fitness, gene | protein_fitness, gene+protein | protein_fitness, protein"
        " | protein_fitness, protein, assays with a gene | ncrna_fitness, rna | published |",
        "| **validation_loss**, bits_per_letter | nucleotides (n 10,000) | proteins (n 20,000) | refseq (n 30,000)"
        " | gene (n 40,000) | web (n 50,000) | mean_of_sections (n 60,000) |",
        "| **validation_loss, letters of pairs**, bits_per_letter | protein_alone (n 70,000)"
        " | protein_given_dna (n 80,000) | protein_given_rna (n 90,000) | dna_given_protein (n 100,000) |",
        "| **perplexity** | perplexity | bits_per_letter | n | published |",
        "| bsm-mini-large mixed R3 | 16.000 [15.950, 16.050] | 4.000 [3.950, 4.050] | 50,000 | 9.47 |",
        "| LucaOne 1.8B | 0.938 | 0.9748 | 0.9452 |  |  |  |  |  |",
    ):
        assert line in lines, line
    assert any("protein_fitness, gene+protein 0.423; protein_fitness, protein 0.407; " in line for line in lines)
    assert not any("mini_1" in line for line in lines)
    assert len(lines) <= 170


def test_real_data_are_not_called_generated(table, tmp_path):
    assert "generated" not in table(write_evaluations(tmp_path), corpus="lab")[1]


def test_the_best_baseline_of_a_loss_is_the_lowest(table, tmp_path):
    common = {"dataset": "held_out_proteins", "setting": "language-model"}
    rows = [result("perplexity", name, value, **common) for name, value in (("R3", 9.0), ("a", 18.0), ("b", 17.0))]
    rows += [result("perplexity", "b", 3.0, **(common | {"dataset": "web"}))]
    page = table([_written(tmp_path / "a.csv", *rows)])[1]
    assert "| perplexity | perplexity | 9.000 | 17.000 b |" in page and "3.000" not in page


def test_a_baseline_on_other_items_is_never_the_best(table, tmp_path):
    rows = [result("ppi", "R3", 0.6), result("ppi", "kmer", 0.5), result("ppi", "other", 0.9, n=299)]
    rows += [result("ppi", "balanced", 0.95, metric="balanced_accuracy"), result("ppi", "read", 0.95, input="protein")]
    assert "| accuracy | 0.600 | 0.500 kmer |" in table([_written(tmp_path / "a.csv", *rows)])[1]


def test_a_baseline_measured_on_two_sets_of_few_shot_pairs_stands_twice(table, tmp_path):
    own = {"setting": "few-shot", "metric": "balanced_accuracy", "seeds": None}
    rows = [result("central_dogma", code, shots=shots, score="sum", n=n, **own) for code, shots, n in
            (("R3", 2, 90), ("L3", 10, 40))]  # fmt: skip
    majority = [result("central_dogma", "majority", value, n=n, **own) for value, n in ((0.25, 90), (0.75, 40))]
    paths = [_written(tmp_path / f"{row.n}.csv", row, other) for row, other in zip(rows, majority, strict=True)]
    text, page = table(paths)
    assert len(_rows(text)) == 4
    for row in ("| majority |  | 0.250 [0.200, 0.300] | 90 |", "| majority |  | 0.750 [0.700, 0.800] | 40 |"):
        assert row in page
    assert "shots 2 | balanced_accuracy | 0.500 |  | 0.250 majority |" in page


def test_held_out_losses_stand_in_the_summary_and_with_intervals_in_two_tables(table, tmp_path):
    page = table(write_evaluations(tmp_path))[1]
    for dataset in ("mean_of_sections", "protein_alone", "protein_given_dna"):
        assert f"| validation_loss ({dataset}) | bits_per_letter |" in page
    sections, pairs = (
        next(part for part in page.split("\n\n") if part.startswith(f"| **validation_loss{rest}"))
        for rest in ("**", ", letters of pairs**")
    )
    for part, n_columns in ((sections, 6), (pairs, 4)):
        assert all(row.count("[") == n_columns for row in part.splitlines()[2:])


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [((9, 9, 8, 8), ("accuracy | auroc | n |", "0.500 | 9 |", "0.500 | 8 |")),
     ((9, 8, 9, 8), ("accuracy (n 9) | auroc (n 8) |", "| 0.500 | 0.500 |")),
     ((9, 8, 8, 9), ("accuracy | auroc |", "| 0.500 (n 9) | 0.500 (n 8) |"))],
)  # fmt: skip
def test_n_is_said_for_rows_for_columns_or_for_every_cell(table, tmp_path, sizes, expected):
    cells = [(code, metric) for code in ("R1", "R2") for metric in ("accuracy", "auroc")]
    rows = [
        result("ncrpi", code, metric=metric, n=n, ci_low=None, ci_high=None, seeds=None)
        for (code, metric), n in zip(cells, sizes, strict=True)
    ]
    page = table([_written(tmp_path / "a.csv", *rows)])[1]
    for text in expected:
        assert text in page


def test_a_data_set_that_only_baselines_were_measured_on_is_not_on_the_page(table, tmp_path):
    rows = [result("ppi", "R3"), result("ppi", "kmer", dataset="other"), result("protstab", "kmer", setting="few-shot")]
    text, page = table([_written(tmp_path / "a.csv", *rows)])
    assert "other" in text and "(other)" not in page and "kmer" not in page and "## Few-shot" not in page


def test_a_users_own_fitness_benchmark_is_shown_by_its_name_and_its_assays_are_not(table, tmp_path):
    rows = [result("protein_fitness", "R3", dataset=name, setting="zero-shot") for name in ("my_assays", "assay_1")]
    path = _written(tmp_path / "a.csv", *rows)
    assert "| protein_fitness (my_assays) | spearman | 0.500 |" in table([path], benchmarks=["ppi", "my_assays"])[1]
    assert "assay_1" not in table([path], benchmarks=["ppi", "my_assays"])[1]


def test_data_beside_the_headline_benchmark_stand_in_the_summary_only(table, tmp_path):
    rows = [result("ppi", "R3"), result("ppi", "R3", 0.4, dataset="mine")]
    both = table([_written(tmp_path / "a.csv", *rows)])[1]
    assert "| ppi (mine) | accuracy | 0.400 |" in both and "**ppi (mine)**" not in both
    assert "**ppi (mine)**" in table([_written(tmp_path / "b.csv", rows[1])])[1]
