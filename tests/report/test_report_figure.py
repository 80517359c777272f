"""``bsm report figure``: held-out curves laid end to end, and the same bytes every time."""

from __future__ import annotations

import random
import warnings
import xml.etree.ElementTree as ET

import pytest
from report_results import ARMS, MODELS, SECTIONS, result, write_curves, write_evaluations

from bsm.base.csv_tables import write_csv
from bsm.base.errors import InputError
from bsm.base.results import write_results
from bsm.base.runs import Run
from bsm.cli import main
from bsm.report.curves import Curves, read_curve

COLUMNS = ("step", "n_tokens", "source", "group", "modality", "given", "n_letters", "bits_per_letter")


@pytest.fixture
def draw(tmp_path):
    """``draw(results, curves)`` runs the command and returns the SVG's bytes."""

    def call(results, curves, code=0, models=MODELS):
        out = tmp_path / "out" / "loss.svg"
        flags = ["--curves", *map(str, curves), "--models", *models, "--corpus", "miniature", "--out", str(out)]
        assert main(["report", "figure", "--results", *map(str, results), *flags]) == code
        return out.read_bytes() if code == 0 else out.exists()

    return call


def _curve(folder, run: Run, rows):
    """A curve from (tokens, group, modality, letters, bits)."""
    path = folder / run.folder / "validation.csv"
    write_csv(path, COLUMNS, (
        dict(zip(COLUMNS, (1, n, "s", group, modality, "", letters, bits), strict=True))
        for n, group, modality, letters, bits in rows
    ))  # fmt: skip
    return read_curve(path)


def test_the_same_inputs_in_any_order_give_the_same_bytes(draw, tmp_path):
    results, curves = write_evaluations(tmp_path), write_curves(tmp_path)
    expected = draw(results, curves)
    random.Random(1).shuffle(curves)
    assert draw(results[::-1], curves) == expected
    assert b"dc:date" not in expected


def test_the_figure_is_xml_and_names_every_arm_section_and_the_corpus(draw, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = draw(write_evaluations(tmp_path), write_curves(tmp_path))
    assert ET.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    labels = [f"{model}, {arm}" for model, arm in ARMS]
    for text in (
        *labels,
        *(f"{section} (" for section in SECTIONS),
        "Validation loss by round and arm (corpus: miniature)",
        "round2",
        "million tokens",
    ):
        assert f"<!-- {text}".encode() in svg, text


def test_models_are_drawn_in_the_order_of_the_config_not_of_the_alphabet(draw, tmp_path):
    curves = write_curves(tmp_path)
    first, second = (svg.index(f"<!-- {model}, mixed".encode()) for svg in [draw([], curves)] for model in MODELS)
    assert first < second
    turned = draw([], curves, models=MODELS[::-1])
    assert turned.index(f"<!-- {MODELS[1]}, mixed".encode()) < turned.index(f"<!-- {MODELS[0]}, mixed".encode())


def test_a_curve_of_no_model_of_the_config_is_an_error_that_names_it(draw, tmp_path, capsys):
    assert draw([], write_curves(tmp_path), code=1, models=MODELS[:1]) is False
    assert MODELS[1] in capsys.readouterr().err


def test_values_far_above_those_of_trained_networks_are_written_at_the_edge(draw, tmp_path):
    curves = write_curves(tmp_path)
    own = {"setting": "language-model", "metric": "bits_per_letter", "input": "", "dataset": "refseq"}
    far = tmp_path / "far.csv"
    write_results(far, [result("validation_loss", "S3", 7.25, **own), result("validation_loss", "R3", 1.5, **own)])
    svg = draw([far], curves)
    assert b"upper edge" not in draw([], curves)
    assert "<!-- 7.25 ↑".encode() in svg and "<!-- 1.50 ↑".encode() not in svg and b"upper edge" in svg


def test_curves_alone_are_enough(draw, tmp_path):
    assert b"bootstrap" not in draw([], write_curves(tmp_path))


def test_a_section_is_the_mean_over_its_letters_without_special_tokens(tmp_path):
    curve = _curve(tmp_path, Run("m", "mixed", "round1"), [
        (100, "single", "dna", 100, 2.0), (100, "single", "rna", 300, 1.0), (100, "single", "protein", 10, 4.0),
        (100, "single", "special", 1000, 0.0), (100, "gene", "dna", 30, 1.0), (100, "gene", "protein", 10, 3.0),
    ])  # fmt: skip
    assert curve.sections == {"nucleotides": [(100, 1.25)], "proteins": [(100, 4.0)], "gene": [(100, 1.5)]}


def test_rounds_follow_each_other_and_arms_leave_the_mixed_arm_where_they_differ(tmp_path):
    def rows(*points):
        return [(n, "single", "protein", 1, bits) for n, bits in points]

    curves = Curves([
        _curve(tmp_path, Run("m", "mixed", "round1"), rows((0, 9.0), (10, 5.0))),
        _curve(tmp_path, Run("m", "mixed", "round2"), rows((0, 5.0), (20, 4.0))),
        _curve(tmp_path, Run("m", "single", "round2"), rows((20, 4.5),)),
        _curve(tmp_path, Run("m", "single", "round3"), rows((5, 4.4),)),
        _curve(tmp_path, Run("m", "no_web", "round3"), rows((5, 3.9),)),
    ], ["m"])  # fmt: skip
    assert curves.line("m", "mixed", "proteins").points == [(10, 5.0), (30, 4.0)]
    assert curves.line("m", "single", "proteins").points == [(10, 5.0), (30, 4.5), (35, 4.4)]
    assert curves.line("m", "no_web", "proteins").points == [(30, 4.0), (35, 3.9)]
    assert curves.line("m", "single", "web").points == []
    assert curves.end(Run("m", "no_web", "round3")) == 35


def test_a_missing_earlier_curve_is_an_error_that_names_it(tmp_path):
    curves = Curves([_curve(tmp_path, Run("m", "single", "round2"), [(1, "single", "dna", 1, 2.0)])], ["m"])
    with pytest.raises(InputError, match=r"runs/m/mixed/round1/validation\.csv"):
        curves.end(Run("m", "single", "round2"))


def test_results_of_a_run_without_curve_are_an_error_and_no_figure(draw, tmp_path, capsys):
    curves = [path for path in write_curves(tmp_path) if MODELS[1] not in path.parts]
    assert draw(write_evaluations(tmp_path), curves, code=1) is False
    assert f"runs/{MODELS[1]}/mixed/round" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("folder", "row"),
    [("runs/m/mixt/round1", (1, "single", "dna", 1, 2.0)), ("runs/m/mixed/round1", (1, "sing", "dna", 1, 2.0)),
     ("runs/m/mixed/round1", (1, "single", "dna", 1, "much"))],
)  # fmt: skip
def test_a_curve_that_cannot_be_placed_is_an_error_that_names_the_file(tmp_path, folder, row):
    path = tmp_path / folder / "validation.csv"
    n, group, modality, letters, bits = row
    write_csv(path, COLUMNS, [dict(zip(COLUMNS, (1, n, "s", group, modality, "", letters, bits), strict=True))])
    with pytest.raises(InputError, match=r"validation\.csv"):
        read_curve(path)
