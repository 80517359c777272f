"""``bsm report figure``: validation loss by round and arm (as Figures 1 and 6 of the paper)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import offset_copy

from bsm.base.files import atomic_path
from bsm.base.results import Result, read_results
from bsm.base.runs import Run
from bsm.base.sections import SECTIONS
from bsm.report.curves import Curves, Line, read_curve
from bsm.report.order import ROUNDS, checkpoint_key, is_baseline

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
_LARGER = "0.55"
_MARKERS = "osD^v"
_INCHES = (10.0, 6.0)
_UNITS = ((1e9, "billion tokens"), (1e6, "million tokens"), (1e3, "thousand tokens"), (1.0, "tokens"))
_TITLES = {
    "nucleotides": "nucleotides (single-modal)", "proteins": "proteins (single-modal)", "refseq": "refseq (pairs)",
    "gene": "gene (pairs)", "web": "web (documents)",
}  # fmt: skip
_MARGIN = 0.05
_HEADROOM = 0.06
"""Share of the axis for one line of numbers at its upper edge."""
_DODGE_POINTS = 2.5
"""Points of different arms that end a round together stand side by side."""
_SAME_END = 0.05
"""Rounds end together where they do within this share of all tokens; batches do not end at the same token."""


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
    ends.sort(key=lambda result: checkpoint_key(result, models))
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **_STYLE}):
        figure = _figure(drawn, ends, corpus)
        with atomic_path(out) as partial:
            figure.savefig(partial, format="svg", metadata={"Date": None, "Title": f"Validation loss, {corpus}"})


@dataclass(frozen=True)
class _Panel:
    """One section: its axes, and what is drawn there."""

    axes: Any
    curves: Curves
    scale: float
    """Tokens per unit of the x axis."""
    lines: list[Line]
    ends: list[Result]

    def x(self, end: Result) -> float:
        return self.curves.end(Run(end.model, end.arm, end.round)) / self.scale

    def was_trained_on(self, end: Result) -> bool:
        """Whether the run or one before it read the section: then training measured it there."""
        x = self.x(end)
        points = next(line.points for line in self.lines if (line.model, line.arm) == (end.model, end.arm))
        return bool(points) and points[0][0] / self.scale <= x


def _figure(curves: Curves, ends: Sequence[Result], corpus: str) -> Figure:
    figure = Figure(figsize=_INCHES, layout="constrained")
    figure.suptitle(f"Validation loss by round and arm (corpus: {corpus})", fontsize=11)
    grid = figure.subplots(2, 3, sharex=True).ravel()
    boundaries = _boundaries(curves)
    scale, unit = next((one for one in _UNITS if boundaries[-1] >= one[0]), _UNITS[-1])
    has_numbers = False
    for axes, section in zip(grid, SECTIONS, strict=False):
        lines = [curves.line(*arm, section) for arm in curves.arms]
        panel = _Panel(axes, curves, scale, lines, [end for end in ends if end.dataset == section])
        axes.set_title(_TITLES[section], loc="left", fontsize=9, pad=13)
        _draw_lines(panel)
        has_numbers |= _draw_ends(panel)
        _draw_rounds(panel, boundaries)
    grid[0].set_xlim(0, boundaries[-1] / scale * 1.03)
    for axes in (grid[2], grid[3], grid[4]):
        axes.set_xlabel(f"{unit} seen")
        axes.tick_params(labelbottom=True)
    grid[0].set_ylabel("bits per letter")
    grid[3].set_ylabel("bits per letter")
    _legend(grid[-1], curves, bool(ends), has_numbers)
    return figure


def _draw_lines(panel: _Panel) -> None:
    for line in panel.lines:
        if line.points:
            tokens, bits = zip(*line.points, strict=True)
            panel.axes.plot([n / panel.scale for n in tokens], bits, **_look(line.model, line.arm, panel.curves))


def _draw_ends(panel: _Panel) -> bool:
    """End-of-round values with their intervals; whether some of them lie above the axis.

    A network that never read such data can be so far above all others that these would fall into one line: the axis
    follows those that did, and the values of the rest stand as numbers at its upper edge.
    """
    trained = [end for end in panel.ends if panel.was_trained_on(end)] or panel.ends
    if not trained and not any(line.points for line in panel.lines):
        panel.axes.text(0.5, 0.5, "no held-out data", ha="center", va="center", transform=panel.axes.transAxes)
        panel.axes.set_yticks([])
        return False
    _, top = _limits(panel, trained)
    inside = [end for end in panel.ends if end.value <= top]
    above = [end for end in panel.ends if end.value > top]
    places = [sum(other.round == end.round for other in above[:i]) for i, end in enumerate(above)]
    bottom, top = _limits(panel, inside)
    panel.axes.set_ylim(bottom, top + _HEADROOM * (top - bottom) * max((n + 1 for n in places), default=0))
    for end in inside:
        _draw_point(panel, end)
    for end, n_before in zip(above, places, strict=True):
        _write_value(panel, end, n_before)
    return bool(above)


def _limits(panel: _Panel, ends: Iterable[Result]) -> tuple[float, float]:
    """Lowest and highest value of the lines and of the intervals of ``ends``, with a margin."""
    values = [bits for line in panel.lines for _, bits in line.points]
    values += [value for end in ends for value in (end.ci_low, end.value, end.ci_high) if value is not None]
    margin = _MARGIN * (max(values) - min(values) or 1.0)
    return min(values) - margin, max(values) + margin


def _draw_point(panel: _Panel, end: Result) -> None:
    low, high = (end.value if side is None else side for side in (end.ci_low, end.ci_high))
    arms = panel.curves.arms
    aside = (arms.index((end.model, end.arm)) - (len(arms) - 1) / 2) * _DODGE_POINTS
    panel.axes.errorbar(
        [panel.x(end)], [end.value], yerr=[[max(0.0, end.value - low)], [max(0.0, high - end.value)]],
        fmt=_marker(end.model, panel.curves), color=_colour(end.model, end.arm, panel.curves),
        markersize=3.5, capsize=1.5, linewidth=0.9, zorder=3,
        transform=offset_copy(panel.axes.transData, panel.axes.figure, x=aside, units="points"),
    )  # fmt: skip


def _write_value(panel: _Panel, end: Result, n_before: int) -> None:
    panel.axes.annotate(
        f"{end.value:.2f} \N{UPWARDS ARROW}", (panel.x(end), 1.0), xycoords=("data", "axes fraction"),
        xytext=(-2, -3 - 9 * n_before), textcoords="offset points", ha="right", va="top", fontsize=6.5,
        color=_colour(end.model, end.arm, panel.curves),
    )  # fmt: skip


def _boundaries(curves: Curves) -> list[int]:
    """0 and the ends of the rounds, in tokens: one per round where all runs share it, else every one."""
    ends = [sorted({curves.end(run) for run in curves.runs if run.round == name}) for name in ROUNDS]
    last = max(max(own) for own in ends if own)
    if all(own[-1] - own[0] <= _SAME_END * last for own in ends if own):
        return [0, *(own[0] for own in ends if own)]
    return [0, *sorted({end for own in ends for end in own})]


def _draw_rounds(panel: _Panel, boundaries: Sequence[int]) -> None:
    """Thin lines at the ends of the rounds, which are named where all runs share them."""
    for boundary in boundaries[1:]:
        panel.axes.axvline(boundary / panel.scale, color="0.88", linewidth=0.8, zorder=0)
    if len(boundaries) - 1 <= len(ROUNDS):
        for name, (start, end) in zip(ROUNDS, pairwise(boundaries), strict=False):
            panel.axes.text((start + end) / 2 / panel.scale, 1.02, name, ha="center", va="bottom", color="0.45",
                            fontsize=6.5, transform=panel.axes.get_xaxis_transform())  # fmt: skip


def _legend(axes: Any, curves: Curves, has_ends: bool, has_numbers: bool) -> None:
    axes.axis("off")
    handles = [
        Line2D([], [], marker=_marker(model, curves), markersize=3.5, label=f"{model}, {arm}",
               **_look(model, arm, curves))
        for model, arm in curves.arms
    ]  # fmt: skip
    axes.legend(handles=handles, loc="upper left", frameon=False, handlelength=4)
    words = ["Lines: during training, on a fixed sample of the", "held-out rows. An arm begins where it leaves mixed."]
    if has_ends:
        words += ["Points: end of a round, on held-out rows, up to", "evaluate.max_valid_tokens per source, with their",
                  "bootstrap interval; side by side for legibility."]  # fmt: skip
    if has_numbers:
        words += ["Numbers at the upper edge: values above the axis, of", "networks never trained on such data."]
    axes.text(0.0, 0.0, "\n".join(words), transform=axes.transAxes, va="bottom", color="0.3", fontsize=7,
              linespacing=1.35)  # fmt: skip


def _look(model: str, arm: str, curves: Curves) -> dict[str, Any]:
    """The larger models lie below and are broader, so that a line upon another leaves both visible."""
    is_first = model == curves.models[0]
    return {"color": _colour(model, arm, curves), "linestyle": _DASHES[arm], "linewidth": 1.2 if is_first else 2.6,
            "zorder": 2.0 if is_first else 1.5}  # fmt: skip


def _colour(model: str, arm: str, curves: Curves) -> str:
    return _COLOURS[arm] if model == curves.models[0] else _LARGER


def _marker(model: str, curves: Curves) -> str:
    return _MARKERS[curves.models.index(model) % len(_MARKERS)]
