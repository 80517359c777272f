"""A constructed run of two models: evaluation tables and held-out curves as the stages write them."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path

from bsm.base.benchmarks import TASKS
from bsm.base.csv_tables import write_csv
from bsm.base.results import SCORES, Result, write_results
from bsm.base.runs import FIRST_ROUND

MODELS = ("bsm-mini", "bsm-mini-large")
ARMS = (("bsm-mini", "mixed"), ("bsm-mini", "single"), ("bsm-mini", "no_web"), ("bsm-mini-large", "mixed"))
ROUNDS = ("round1", "round2", "round3")
SECTIONS = ("nucleotides", "proteins", "refseq", "gene", "web")
CONDITIONS = ("protein_alone", "protein_given_dna", "protein_given_rna", "dna_given_protein")
INPUTS = {
    "ncrpi": "rna+protein", "central_dogma": "dna+protein", "ppi": "protein+protein", "protloc": "protein",
    "protstab": "protein", "ncrnafam": "rna", "ncrna_fitness": "rna",
}  # fmt: skip
MATRIX = {
    "ncrpi": "R2 R3 S2 S3", "central_dogma": "R3 S3 L3", "ppi": "R1 R2 R3 S2 S3 L3", "protloc": "R2 R3 S2 S3 L3",
    "protstab": "R3 L3", "ncrnafam": "R3 L3", "protein_fitness": "R2 R3 S2 S3 L3", "ncrna_fitness": "R2 R3 S2 S3 L3",
}  # fmt: skip
METRICS = {"binary": ("accuracy", "balanced_accuracy", "auroc"), "multiclass": ("accuracy", "balanced_accuracy")}
N_TOKENS = {"round1": 600_000, "round2": 2_000_000, "round3": 600_000}


def result(task: str, code: str, value: float = 0.5, /, **columns: object) -> Result:
    """One number of the checkpoint ``code`` (R3, S2, L3), or of the baseline of that name."""
    is_baseline = not (len(code) == 2 and code[0] in "RSL" and code[1].isdigit())
    model, arm = (code, "none") if is_baseline else {"R": ARMS[0], "S": ARMS[1], "L": ARMS[3]}[code[0]]
    known = TASKS.get(task)
    row = {
        "task": task, "dataset": task, "model": model, "arm": arm, "round": "" if is_baseline else f"round{code[1]}",
        "setting": "fine-tuned", "input": INPUTS.get(task, "protein"), "shots": None,
        "score": "", "metric": known.metric if known else "perplexity", "value": value, "ci_low": value - 0.05,
        "ci_high": value + 0.05, "n": 300, "seeds": 3,
    }  # fmt: skip
    return Result(**(row | columns))  # type: ignore[arg-type]


def evaluations() -> dict[str, list[Result]]:
    """File name -> rows, with every kind of row that the miniature has."""
    found: dict[str, list[Result]] = {"baselines.csv": []}
    for task, codes in MATRIX.items():
        rows = found[f"{task}.csv"] = []
        for i, code in enumerate(codes.split()):
            rows += _fitness(task, code, i) if TASKS[task].kind == "fitness" else _tuned(task, code, 0.6 + 0.01 * i)
        if TASKS[task].kind != "fitness":
            found["baselines.csv"] += [row for name in ("kmer", "majority") for row in _tuned(task, name, 0.55)]
    found["few_shot.csv"] = [
        result("central_dogma", code, 0.6 + shots / 10, setting="few-shot", shots=shots, score=score, metric=metric,
               n=100, seeds=None)
        for code, shots, score, metric in product(MATRIX["central_dogma"].split(), (0, 1, 2), SCORES, METRICS["binary"])
    ]  # fmt: skip
    found["baselines.csv"] += _baselines()
    found["language_model.csv"] = [*_language_model()]
    return found


def _baselines() -> list[Result]:
    """Some are measured on more or fewer items than the networks: those of few-shot and of assays with a wild type."""
    zero_shot = {"setting": "zero-shot", "seeds": None}
    return [
        result("central_dogma", "kmer", 0.9, setting="few-shot", metric="balanced_accuracy", seeds=None),
        result("central_dogma", "majority", 0.5, setting="few-shot", metric="balanced_accuracy", n=100, seeds=None),
        result("central_dogma", "kmer", 0.6, dataset="private_code"),
        result("protein_fitness", "random", 0.01, input="protein", **zero_shot),
        result("protein_fitness", "mutations", 0.9, input="protein", n=200, **zero_shot),
        result("perplexity", "Markov model", 3.0, dataset="held_out_proteins", metric="perplexity", n=49_000,
               setting="language-model", seeds=None),
    ]  # fmt: skip


def write_evaluations(folder: Path) -> list[Path]:
    """Write all files; returns their paths."""
    paths = [folder / name for name in evaluations()]
    for path, rows in zip(paths, evaluations().values(), strict=True):
        write_results(path, rows)
    return paths


def write_curves(folder: Path) -> list[Path]:
    """runs/<model>/<arm>/<round>/validation.csv of every arm; sections are measured from when on they are read."""
    paths = []
    for model, arm in ARMS:
        for name in ROUNDS[FIRST_ROUND[arm] :]:
            paths.append(folder / "runs" / model / arm / name / "validation.csv")
            write_csv(paths[-1], _CURVE_COLUMNS, _curve(model, arm, name))
    return paths


_CURVE_COLUMNS = ("step", "n_tokens", "source", "group", "modality", "given", "n_letters", "bits_per_letter")
_PARTS = (
    ("refseq_nucleotides", "single", "dna", ""), ("refseq_nucleotides", "single", "rna", ""),
    ("uniprot", "single", "protein", ""), ("refseq_pairs", "refseq", "dna", ""),
    ("refseq_pairs", "refseq", "protein", "dna"), ("gene_pairs", "gene", "dna", ""), ("web", "web", "dna", ""),
)  # fmt: skip


def _curve(model: str, arm: str, name: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for step in range(0, 5):
        for source, group, modality, given in _PARTS:
            if group != "single" and (arm == "single" or name == "round1"):
                continue
            bits = _bits(model, arm, ROUNDS.index(name) + step / 4, 4.2 if modality == "protein" else 1.95)
            rows.append({
                "step": step * 100, "n_tokens": step * N_TOKENS[name] // 4, "source": source, "group": group,
                "modality": modality, "given": given, "n_letters": 1000,
                "bits_per_letter": bits,
            })  # fmt: skip
            rows.append(rows[-1] | {"modality": "special", "bits_per_letter": 0.01, "n_letters": 100})
    return rows


def _bits(model: str, arm: str, seen: float, start: float) -> float:
    """Falls with the rounds seen; faster for the larger model, slower for the control arms."""
    return start - (0.3 if arm == "mixed" or seen < FIRST_ROUND[arm] else 0.2) * (
        1.3 if model == MODELS[1] else 1
    ) * math.log1p(seen)


def _tuned(task: str, code: str, value: float) -> list[Result]:
    metrics = METRICS.get(TASKS[task].kind, (TASKS[task].metric,))
    return [result(task, code, value + 0.02 * i, metric=metric) for i, metric in enumerate(metrics)]


def _fitness(task: str, code: str, i: int) -> list[Result]:
    inputs = (
        ("protein", "gene", "gene+protein", "protein, assays with a gene") if task == "protein_fitness" else ("rna",)
    )
    return [
        result(
            task,
            code,
            0.2 + 0.01 * i + 0.02 * j,
            dataset=dataset,
            setting="zero-shot",
            input=name,
            seeds=None,
            n=250 if "gene" in name else 300,
        )
        for j, name in enumerate(inputs)
        for dataset in ("mini_1", "mini_2", task)
    ]


def _language_model() -> list[Result]:
    common = {"setting": "language-model", "seeds": None, "n": 50_000}
    rows = [
        result("perplexity", code, value, dataset="held_out_proteins", metric=metric, **common)
        for code in ("R3", "L3") for metric, value in (("perplexity", 16.0), ("bits_per_letter", 4.0))
    ]  # fmt: skip
    datasets = (*SECTIONS, "mean_of_sections", *CONDITIONS)
    for (model, arm), section in product(ARMS, datasets):
        rows += [
            result("validation_loss", "R1", value, model=model, arm=arm, round=name, dataset=section, input="",
                   metric="bits_per_letter", **(common | {"ci_low": value - 0.02, "ci_high": value + 0.02,
                                                          "n": 10_000 * (1 + datasets.index(section))}))
            for i, name in enumerate(ROUNDS) if i >= FIRST_ROUND[arm]
            for value in [_bits(model, arm, i + 1, 4.2 if section.startswith("protein") else 1.95)]
        ]  # fmt: skip
    return rows
