"""``bsm report figure``: validation loss by round and arm (as Figures 1 and 6 of the paper)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bsm.base.files import atomic_path
from bsm.base.results import Result, read_results
from bsm.base.runs import Run
from bsm.base.sections import SECTIONS
from bsm.report.curves import Curves, Line, read_curve
from bsm.report.order import ROUNDS, is_baseline

_STYLE: Mapping[Any, Any] = {
    "svg.hashsalt": "validation_loss",  # ids of clip paths and markers: random without it
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 8.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
# Readable in grey: the arm is the dash pattern, the model the marker and the width; colours (Okabe and Ito) only help.
_DASHES: Mapping[str, Any] = {
    "mixed": "-",
    "single": (0, (5, 2)),
    "no_web": (0, (6, 2, 1, 2)),
    "unpaired": (0, (1, 1.5)),
}
_COLOURS = {"mixed": "#0072B2", "single": "#D55E00", "no_web": "#009E73", "unpaired": "#CC79A7"}
_LARGER = "#000000"
_MARKERS = "osD^v"
_INCHES = (9.6, 5.6)
_UNITS = ((1e9, "billion tokens"), (1e6, "million tokens"), (1e3, "thousand tokens"), (1.0, "tokens"))


def write_figure(
    results: Iterable[Path | str], curves: Iterable[Path | str], models: Sequence[str], corpus: str, out: Path | str
) -> None:  # fmt: skip
    """Write the SVG: same inputs in any order, same bytes (of one matplotlib version).

    ``models``: those of the config, in its order, which decides how they look.
    """
    drawn = Curves(map(read_curve, sorted(map(str, curves))), models)
    ends = [
        result for path in sorted(map(str, results)) for result in read_results(path)
        if result.task == "validation_loss" and result.metric == "bits_per_letter" and not is_baseline(result)
    ]  # fmt: skip
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **_STYLE}):
        figure = _figure(drawn, ends, corpus)
        with atomic_path(out) as partial:
            figure.savefig(partial, format="svg", metadata={"Date": None, "Title": f"Validation loss, {corpus}"})


def _figure(curves: Curves, ends: Sequence[Result], corpus: str) -> Figure:
    figure = Figure(figsize=_INCHES, layout="constrained")
    figure.suptitle(f"Validation loss by round and arm (corpus: {corpus})", fontsize=11)
    panels = figure.subplots(2, 3, sharex=True).ravel()
    boundaries = _boundaries(curves)
    scale, unit = next((one for one in _UNITS if boundaries[-1] >= one[0]), _UNITS[-1])
    for panel, section in zip(panels, SECTIONS, strict=False):
        lines = [curves.line(*arm, section) for arm in curves.arms]
        _panel(panel, section, lines, curves, scale)
        _ends(panel, [end for end in ends if end.dataset == section], curves, scale)
        _rounds(panel, boundaries, scale)
    for panel in (panels[2], panels[3], panels[4]):
        panel.set_xlabel(f"{unit} seen")
        panel.tick_params(labelbottom=True)
    panels[0].set_ylabel("bits per letter")
    panels[3].set_ylabel("bits per letter")
    _legend(panels[-1], curves, bool(ends))
    return figure


def _panel(panel: Any, section: str, lines: Sequence[Line], curves: Curves, scale: float) -> None:
    panel.set_title(section, loc="left", fontsize=9)
    for line in lines:
        if line.points:
            tokens, bits = zip(*line.points, strict=True)
            panel.plot([n / scale for n in tokens], bits, **_look(line.model, line.arm, curves))
    if not any(line.points for line in lines):
        panel.text(0.5, 0.5, "no held-out data", ha="center", va="center", transform=panel.transAxes, color="0.4")
    panel.margins(y=0.12)


def _ends(panel: Any, ends: Sequence[Result], curves: Curves, scale: float) -> None:
    """End-of-round values on all held-out data, with their intervals."""
    for end in ends:
        n_tokens = curves.end(Run(end.model, end.arm, end.round))
        low, high = (end.value if side is None else side for side in (end.ci_low, end.ci_high))
        panel.errorbar(
            [n_tokens / scale], [end.value],
            yerr=[[max(0.0, end.value - low)], [max(0.0, high - end.value)]], fmt=_marker(end.model, curves),
            color=_look(end.model, end.arm, curves)["color"], markersize=3.5, capsize=2, linewidth=1, zorder=3,
        )  # fmt: skip


def _boundaries(curves: Curves) -> list[int]:
    """0 and the ends of the rounds, in tokens; models with other budgets add their own."""
    return [0, *sorted({curves.end(run) for run in curves.runs})]


def _rounds(panel: Any, boundaries: Sequence[int], scale: float) -> None:
    """Thin lines between the rounds, which are named where all models share them."""
    for boundary in boundaries[1:-1]:
        panel.axvline(boundary / scale, color="0.8", linewidth=0.6, zorder=0)
    if len(boundaries) - 1 <= len(ROUNDS):
        for name, (start, end) in zip(ROUNDS, pairwise(boundaries), strict=False):
            panel.text((start + end) / 2 / scale, 1.0, name, ha="center", va="top", color="0.4", fontsize=6.5,
                       transform=panel.get_xaxis_transform())  # fmt: skip


def _legend(panel: Any, curves: Curves, has_ends: bool) -> None:
    panel.axis("off")
    handles = [
        Line2D(
            [], [], marker=_marker(model, curves), markersize=3.5, label=f"{model}, {arm}", **_look(model, arm, curves)
        )
        for model, arm in curves.arms
    ]
    panel.legend(handles=handles, loc="upper left", frameon=False, handlelength=4)
    words = ["Lines: during training, on a fixed sample of the held-out rows."]
    if has_ends:
        words.append("Points: end of a round, all held-out rows, bootstrap interval.")
    panel.text(0.0, 0.02, "\n".join(words), transform=panel.transAxes, va="bottom", color="0.3", fontsize=7)


def _look(model: str, arm: str, curves: Curves) -> dict[str, Any]:
    is_first = curves.models.index(model) == 0
    colour = _COLOURS[arm] if is_first else _LARGER
    return {"color": colour, "linestyle": _DASHES[arm], "linewidth": 1.2 if is_first else 1.8}


def _marker(model: str, curves: Curves) -> str:
    return _MARKERS[curves.models.index(model) % len(_MARKERS)]
