"""The pictures of a budget plan: where the money goes, what more of it would bring, what binds, plan and outcome."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from models.card.figures import BAD, BAND, INK, MUTED, OTHER, OURS, PAPER, picture

Row = Mapping[str, Any]
MOST_BARS = 24


def allocation(lines: Sequence[Row]) -> str:
    """Money by channel, a bar each; beside it what the money returns."""
    shown = sorted(lines, key=lambda line: line["cost"])[-MOST_BARS:]

    def draw(panels: list[Axes]) -> None:
        left, right = panels
        rows = range(len(shown))
        colours = [OTHER if line.get("cost_is") == "assumed" else OURS for line in shown]
        left.barh(rows, [line["cost"] for line in shown], color=colours, height=0.6)
        rates = [line["expected_return"] / line["cost"] if line["cost"] else 0.0 for line in shown]
        right.barh(rows, rates, color=colours, height=0.6)
        left.set_yticks(rows, [line["channel"] for line in shown])
        left.set_title("money spent", color=MUTED)
        right.set_title("return of one unit of money", color=MUTED)
        for axes, as_text in ((left, _amount), (right, _rate)):
            axes.xaxis.set_major_locator(MaxNLocator(5))
            axes.xaxis.set_major_formatter(FuncFormatter(as_text))
            axes.grid(visible=False, axis="y")

    words = "; ".join(f"{line['channel']}: {line['cost']:,.0f}" for line in reversed(shown))
    return picture("allocation", "Money by channel", words, draw, panels=2, size=(9.2, 1.0 + 0.34 * len(shown)))


def frontier(rows: Sequence[Row], budget: float | None, conservative: Row | None, current: Row | None) -> str:
    """Best return by budget; the present budget is marked, and today's plan, if it is another, lies below the line."""
    told = [row for row in rows if row["expected_return"] is not None]

    def draw(panels: list[Axes]) -> None:
        (axes,) = panels
        budgets = [row["budget"] for row in told]
        if all(row["low"] is not None for row in told):
            axes.fill_between(
                budgets,
                [row["low"] for row in told],
                [row["high"] for row in told],
                color=OURS,
                alpha=0.18,
                linewidth=0,
            )
        axes.plot(budgets, [row["expected_return"] for row in told], color=OURS)
        if budget is not None:
            axes.axvline(budget, color=OTHER, linewidth=1, linestyle=(0, (4, 2)))
            at = next((row for row in told if row["budget"] == budget), None)
            if at is not None:
                axes.plot([budget], [at["expected_return"]], "o", color=OURS, markersize=7, markeredgecolor=PAPER)
                words = f"this plan: {at['expected_return']:,.0f}"
                axes.annotate(
                    words, (budget, at["expected_return"]), (-8, 6), textcoords="offset points", ha="right", color=INK
                )
        if current is not None:
            axes.plot([current["current_cost"]], [current["current_return"]], "D", color=BAD, markersize=6)
            axes.annotate(
                "the plan before",
                (current["current_cost"], current["current_return"]),
                (-10, -12),
                textcoords="offset points",
                ha="right",
                color=BAD,
            )
        if conservative is not None:
            axes.plot([conservative["cost"]], [conservative["expected_return"]], "s", color=MUTED, markersize=6)
            axes.annotate(
                "conservative",
                (conservative["cost"], conservative["expected_return"]),
                (10, -12),
                textcoords="offset points",
                ha="left",
                color=MUTED,
            )
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(5))
            axis.set_major_formatter(FuncFormatter(_amount))
        axes.set(xlabel="budget", ylabel="best return")

    first, last = told[0], told[-1]
    description = (
        f"From {first['expected_return']:,.0f} for {first['budget']:,.0f} to {last['expected_return']:,.0f} for "
        f"{last['budget']:,.0f}; it flattens as the best channels are full."
    )
    return picture("frontier", "Best return by budget", description, draw, size=(9.2, 3.8))


def worth(values: Sequence[Row]) -> str:
    """What one per cent more of each limit that binds is worth: so money and units can stand side by side."""
    told = [
        (value, value["more"] * abs(value["amount"]) / 100) for value in values if value["more"] and value["amount"]
    ]
    shown = sorted(told, key=lambda pair: abs(pair[1]))[-MOST_BARS:]

    def draw(panels: list[Axes]) -> None:
        (axes,) = panels
        rows = range(len(shown))
        axes.barh(rows, [gain for _, gain in shown], color=OURS, height=0.6)
        for row, (_, gain) in zip(rows, shown, strict=True):
            axes.text(max(gain, 0.0), row, f" {gain:+,.4g}", va="center", color=INK)
        axes.axvline(0, color=OTHER, linewidth=1)
        axes.set_yticks(rows, [_short(value["words"]) for value, _ in shown])
        axes.margins(x=0.15)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(FuncFormatter(_amount))
        axes.set_xlabel("change of the return if the limit is raised by one per cent")
        axes.grid(visible=False, axis="y")

    words = "; ".join(f"{value['words']}: {gain:+,.4g}" for value, gain in reversed(shown))
    height = 1.0 + 0.34 * len(shown)
    return picture("worth", "What one per cent more of each limit is worth", words, draw, size=(9.2, height))


def attainment(rows: Sequence[Row]) -> str:
    """Promised beside realised return of each channel that was promised in the unit it is measured in."""
    shown = list(rows[:MOST_BARS])[::-1]

    def draw(panels: list[Axes]) -> None:
        (axes,) = panels
        for place, row in enumerate(shown):
            axes.barh(place + 0.2, row["planned_return"], color=BAND, height=0.36, edgecolor=OTHER, linewidth=0.8)
            axes.barh(place - 0.2, row["realised_return"], color=OURS, height=0.36)
            gap = "" if row["gap"] is None else f" {row['gap']:+.0%}"
            axes.text(max(row["planned_return"], row["realised_return"]), place, gap, va="center", color=INK)
        axes.set_yticks(range(len(shown)), [row["channel"] for row in shown])
        axes.margins(x=0.12)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(FuncFormatter(_amount))
        axes.set_xlabel("return: promised (outlined) and realised (blue)")
        axes.grid(visible=False, axis="y")

    words = "; ".join(
        f"{row['channel']}: {row['realised_return']:,.0f} of {row['planned_return']:,.0f}" for row in shown
    )
    height = 1.2 + 0.5 * len(shown)
    return picture("attainment", "Promised and realised return", words, draw, size=(9.2, height))


def trend(series: Sequence[Row]) -> str:
    """The gap of each channel from plan to plan."""
    told = [one for one in series if len(one["gaps"]) > 1]

    def draw(panels: list[Axes]) -> None:
        (axes,) = panels
        cycles = sorted({point["cycle"] for one in told for point in one["gaps"]})
        axes.axhline(0, color=OTHER, linewidth=1)
        for place, one in enumerate(told):
            at = [cycles.index(point["cycle"]) for point in one["gaps"]]
            gaps = [point["gap"] for point in one["gaps"]]
            axes.plot(at, gaps, marker="o", markersize=4, color=(OURS, BAD, OTHER, MUTED)[place % 4])
            axes.text(at[-1], gaps[-1], f"  {one['channel']}", va="center", color=INK)
        axes.set_xticks(range(len(cycles)), [f"{c[:4]}-{c[4:6]}-{c[6:8]}" for c in cycles])
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+.0%}"))
        axes.set_ylabel("realised against promised")
        axes.margins(x=0.2)

    words = "; ".join(one["words"] for one in told)
    return picture("trend", "Gap from plan to plan", words, draw, size=(9.2, 3.2))


def _amount(value: float, _: object = None) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 or value == 0 else f"{value:,.3g}"


def _rate(value: float, _: object = None) -> str:
    return f"{value:.3g}"


def _short(text: str, letters: int = 52) -> str:
    return text if len(text) <= letters else text[: letters - 1] + "…"
