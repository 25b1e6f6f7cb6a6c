"""The pictures of a card: numbers in, SVG text out."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from models.card.bins import Bin
from models.card.figures import BAD, BAND, GRID, INK, MUTED, OTHER, OURS, PAPER, per_cent, picture
from models.card.gain import Gain
from models.card.segments import Elbow
from models.card.slices import TOLERANCE, Slice, is_below, is_miscalibrated
from models.metrics import Metric

_ROUND = (1, 2, 5)


def calibration(bins: Sequence[Bin], outcome: str, *, is_amount: bool) -> str:
    """Predicted against observed with 95 % bars; on the diagonal, predictions mean what they say."""
    predicted = [b.predicted for b in bins]
    values = [*predicted, *(v for b in bins for v in (b.observed.low, b.observed.high, b.observed.value) if v)]
    low, high = min(values), max(values)
    is_wide = low > 0 and high / low > 20

    def draw(panels: list[Axes]) -> None:
        (axes,) = panels
        ends = (low / 1.3, high * 1.3) if is_wide else (min(0.0, low), high * 1.08)
        axes.plot(ends, ends, color=OTHER, linewidth=1, zorder=1)
        for b in bins:
            _bar(axes, "y", b.predicted, b.observed, OURS)
        axes.plot(predicted, [b.observed.value for b in bins], "o", color=OURS, markersize=5, markeredgecolor=PAPER)
        for axis, set_scale in ((axes.xaxis, axes.set_xscale), (axes.yaxis, axes.set_yscale)):
            if is_wide:
                set_scale("log")
                axis.set_major_locator(FixedLocator(_round_numbers(*ends)))
                axis.set_minor_locator(NullLocator())
            else:
                axis.set_major_locator(MaxNLocator(6))
            axis.set_major_formatter(FuncFormatter(_thousands if is_amount else per_cent))
        axes.set(xlim=ends, ylim=ends, xlabel=f"predicted {outcome}", ylabel=f"observed {outcome}")
        axes.set_aspect("equal")

    worst = max(bins, key=lambda b: abs(np.log(max(b.predicted, 1e-12) / max(b.observed.value, 1e-12))))
    shown = _thousands if is_amount else _rate
    description = (
        f"{len(bins)} groups of rows by prediction. Predictions run from {shown(predicted[0])} to "
        f"{shown(predicted[-1])}; the group furthest off was predicted {shown(worst.predicted)} and came to "
        f"{shown(worst.observed.value)}."
    )
    return picture("calibration", f"Predicted against observed {outcome}", description, draw)


def cumulative_gain(curve: Gain, *, of: str, has_baseline_name: str = "baseline") -> str:
    """How much of what there is lies in the best-scored part, beside the baseline and chance."""

    def draw(panels: list[Axes]) -> None:
        (axes,) = panels
        axes.fill_between(curve.shares, curve.low, curve.high, color=OURS, alpha=0.18, linewidth=0)
        axes.plot([0, 1], [0, 1], color=OTHER, linewidth=1)
        if curve.baseline:
            axes.plot(curve.shares, curve.baseline, color=MUTED, linewidth=1.2, linestyle=(0, (4, 2)))
        axes.plot(curve.shares, curve.found, color=OURS)
        at = curve.shares.index(0.1)
        axes.plot([0.1], [curve.found[at]], "o", color=OURS, markersize=5, markeredgecolor=PAPER)
        words = f"best 10% hold {curve.found[at]:.0%}\n({curve.lift['10%'].value:.1f} times chance)"
        axes.text(0.15, curve.found[at] - 0.02, words, va="top", color=INK, bbox={"fc": PAPER, "ec": "none", "pad": 2})
        axes.text(0.80, 0.74, "chance", color=MUTED, ha="left", va="top")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(FixedLocator(np.linspace(0, 1, 6).tolist()))
            axis.set_major_formatter(FuncFormatter(per_cent))
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="share of rows, best score first", ylabel=f"share of {of}")
        axes.set_aspect("equal")
        lines = [axes.plot([], [], color=OURS)[0]]
        names = ["this version"]
        if curve.baseline:
            lines.append(axes.plot([], [], color=MUTED, linewidth=1.2, linestyle=(0, (4, 2)))[0])
            names.append(has_baseline_name)
        axes.legend(lines, names, loc="lower right")

    lifts = ", ".join(f"{lift.value:.1f} at {share}" for share, lift in curve.lift.items())
    return picture("gain", f"Cumulative share of {of} by share of rows", f"Lift over chance: {lifts}.", draw)


def coverage(bins: Sequence[Bin], level: float | None) -> str:
    """How often the rows' own intervals held what came, by tenth of the prediction; the line is what they claim."""

    def draw(panels: list[Axes]) -> None:
        (axes,) = panels
        if level is not None:
            axes.axhline(level, color=OTHER, linewidth=1, zorder=1)
        for place, b in enumerate(bins, start=1):
            assert b.coverage is not None
            _bar(axes, "y", place, b.coverage, OURS)
            axes.plot([place], [b.coverage.value], "o", color=OURS, markersize=5, markeredgecolor=PAPER)
        axes.xaxis.set_major_locator(FixedLocator(range(1, len(bins) + 1)))
        axes.yaxis.set_major_formatter(FuncFormatter(per_cent))
        axes.set(ylim=(0, 1.02), xlabel="tenth of rows by prediction, lowest first", ylabel="share inside the interval")
        axes.grid(visible=False, axis="x")

    held = [b.coverage.value for b in bins if b.coverage]
    words = f"Between {min(held):.0%} and {max(held):.0%} of a tenth's rows came to lie inside their interval."
    return picture("coverage", "How often intervals held what came", words, draw)


def elbow(found: Elbow) -> str:
    """Inertia and silhouette over the number of segments; the number that was chosen is marked."""

    def draw(panels: list[Axes]) -> None:
        for axes, values, title in zip(
            panels,
            (np.array(found.inertia) / (max(found.inertia) or 1), np.array(found.silhouette)),
            ("spread within segments (inertia, largest = 1)", "apartness of segments (silhouette)"),
            strict=True,
        ):
            axes.axvline(found.chosen, color=GRID, linewidth=6, zorder=0)
            axes.plot(found.clusters, values, color=OURS, marker="o", markersize=4, markeredgecolor=PAPER)
            at = found.clusters.index(found.chosen)
            axes.plot([found.chosen], [values[at]], "o", color=BAD, markersize=7, markeredgecolor=PAPER)
            top = axes.get_xaxis_transform()
            axes.text(found.chosen, 0.99, "chosen", transform=top, ha="center", va="top", color=BAD)
            axes.xaxis.set_major_locator(FixedLocator(found.clusters))
            # all customers in one spot have no inertia, and a silhouette may lie below 0
            axes.set(xlabel="number of segments", ylim=(min(0, *values), 1.25 * max(values) if max(values) > 0 else 1))
            axes.set_title(title, color=MUTED)

    words = f"{found.chosen} segments were chosen, where the curve of inertia bends most."
    return picture(
        "elbow", "Spread and apartness by number of segments", words, draw, panels=2, size=(9.2, 3.0), shared=False
    )


def forest(slices: Sequence[Slice], names: Sequence[str], all_rows: tuple[Metric, float], score: str) -> str:
    """Calibration and score of each slice with 95 % intervals, beside those of all rows; what is flagged is orange."""
    ratio, overall = all_rows

    def draw(panels: list[Axes]) -> None:
        left, right = panels
        rows = np.arange(len(slices))[::-1]
        left.axvspan(1 / TOLERANCE, TOLERANCE, color=BAND, linewidth=0)
        left.axvline(1, color=OTHER, linewidth=1)
        left.axvline(ratio.value, color=MUTED, linewidth=1, linestyle=(0, (4, 2)))
        right.axvline(overall, color=OTHER, linewidth=1)
        for place, found in zip(rows, slices, strict=True):
            assert found.ratio is not None
            assert found.score is not None
            flagged = is_miscalibrated(found.ratio), is_below(found.score, overall)
            for axes, metric, is_gap in zip(panels, (found.ratio, found.score), flagged, strict=True):
                colour, mark = (BAD, "D") if is_gap else (OURS, "o")
                _bar(axes, "x", float(place), metric, colour)
                axes.plot([metric.value], [place], mark, color=colour, markersize=5, markeredgecolor=PAPER)
        ratios = [v for s in slices if s.ratio for v in (s.ratio.value, s.ratio.low, s.ratio.high) if v and v > 0]
        ends = min([*ratios, 1 / 1.25]) / 1.03, max([*ratios, 1.25]) * 1.03
        left.set_xscale("log")
        left.xaxis.set_major_locator(FixedLocator(_ratio_ticks(*ends)))
        left.xaxis.set_minor_locator(NullLocator())
        left.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        left.set(xlim=ends, ylim=(-0.6, len(slices) - 0.4))
        left.set_yticks(rows, names)
        left.set_title("predicted ÷ observed (dashed: all rows)", color=MUTED)
        right.set_title(f"{score} (line: all rows)", color=MUTED)
        right.xaxis.set_major_locator(MaxNLocator(5))
        right.tick_params(labelleft=False)
        begins = [place for place, s in enumerate(slices) if place and s.attribute != slices[place - 1].attribute]
        for axes in panels:
            axes.grid(visible=False, axis="y")
            for place in begins:
                axes.axhline(len(slices) - place - 0.5, color=GRID, linewidth=0.8)

    flagged = sum(found.verdict == "gap" for found in slices)
    words = f"{flagged} of {len(slices)} groups judged are flagged; the figures stand in the table below."
    height = 0.9 + 0.225 * len(slices)
    return picture("slices", f"Calibration and {score} by group", words, draw, panels=2, size=(9.2, height))


def _ratio_ticks(low: float, high: float) -> list[float]:
    """Ratios that people know, further apart where the range is wide."""
    near, wide, far = (0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5), (0.3, 0.5, 0.7, 1, 1.5, 2, 3), (0.01, 0.1, 0.3, 1, 3, 10, 100)
    ticks = near if high / low < 2.5 else wide if high / low < 12 else far
    return [tick for tick in ticks if low <= tick <= high]


def _bar(axes: Axes, along: str, at: float, metric: Metric, colour: str) -> None:
    """A 95 % interval as a line."""
    if metric.low is None or metric.high is None:
        return
    span, place = [metric.low, metric.high], [at, at]
    axes.plot(*((place, span) if along == "y" else (span, place)), color=colour, linewidth=1.4, solid_capstyle="butt")


def _round_numbers(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten between two values; the ones alone where there would be too many."""
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    found = [step * 10.0**power for power in powers for step in _ROUND]
    inside = [value for value in found if low <= value <= high]
    return inside if len(inside) <= 7 else [v for v in inside if f"{v:e}".startswith("1.0")]


def _thousands(value: float, _: object = None) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:,.3g}"


def _rate(value: float) -> str:
    return f"{value:.2%}" if value < 0.1 else f"{value:.0%}"
