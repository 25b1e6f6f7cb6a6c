"""The pictures of a replay: who was champion when, what experiments found, and how the policies did."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.ticker import FuncFormatter, MaxNLocator

from models.card.figures import BAD, BAND, GRID, INK, MUTED, OTHER, OURS, PAPER, picture
from models.replay.content import Story, Trial
from models.replay.policies import ALWAYS, LOOP, NEVER, POLICIES

_COLOURS = {LOOP: OURS, NEVER: OTHER, ALWAYS: BAD}
_DASHES = {LOOP: (0, ()), NEVER: (0, (4, 2)), ALWAYS: (0, (1, 1.5))}


def life_lines(story: Story) -> str:
    """Champions over time, a row a model; a bar each, changing at promotions; what is tried runs below it."""
    models = list(dict.fromkeys(reign.model for reign in story.reigns))

    def draw(panels: list[Axes]) -> None:
        (axes,) = panels
        for reaction in story.reactions:
            axes.axvline(_day(reaction.at), color=BAD, linewidth=1.2, linestyle=(0, (4, 2)), zorder=0)
        for row, model in enumerate(reversed(models)):
            reigns = [reign for reign in story.reigns if reign.model == model]
            for place, reign in enumerate(reigns):
                left, width = _day(reign.since), max(_day(reign.until) - _day(reign.since), 0.5)
                colour = OURS if place % 2 == 0 else OTHER
                axes.barh(row, width, left=left, height=0.34, color=colour, edgecolor=PAPER, linewidth=0.8)
                axes.text(left + 1.5, row + 0.24, _born(reign.tag), va="bottom", color=MUTED, fontsize=7.5)
            for trial in (trial for trial in story.trials if trial.model == model):
                ends = _day(trial.ended_at if trial.ended_at is not None else story.ends)
                axes.plot([_day(trial.started_at), ends], [row - 0.3, row - 0.3], color=BAD, linewidth=2)
            made = [turn.as_of for turn in story.turns for found in turn.trained if found.model == model and found.tag]
            axes.plot(
                [_day(at) for at in made], [row] * len(made), "o", color=PAPER, markeredgecolor=INK, markersize=3.5
            )
        axes.set_yticks(range(len(models)), list(reversed(models)))
        axes.set(ylim=(-0.6, len(models) - 0.4), xlim=(_day(story.begins) - 3, _day(story.ends) + 3))
        _dated(axes)
        axes.grid(visible=False, axis="y")

    changes = len(story.reigns) - len(models)
    words = f"{changes} changes of champion among {len(models)} models; {len(story.trials)} experiments."
    return picture("life", "Champions over time", words, draw, size=(9.2, 0.8 + 0.62 * max(len(models), 1)))


def sequence(trial: Trial) -> str:
    """Challenger less champion with the interval that holds at all looks together; shaded by the share it had."""
    told = [
        (_day(look.at), look.value, look.low, look.high)
        for look in trial.looks
        if look.value is not None and look.low is not None and look.high is not None
    ]

    def draw(panels: list[Axes]) -> None:
        (axes,) = panels
        edges = [*(since for _, since in trial.steps[1:]), trial.looks[-1].at]
        for (share, since), until in zip(trial.steps, edges, strict=True):
            axes.axvspan(_day(since), _day(until), color=BAND, alpha=min(1.0, 0.15 + share), linewidth=0)
            if _day(until) > _day(since):
                axes.text(
                    (_day(since) + _day(until)) / 2,
                    0.98,
                    f"{share:.0%}" if share else "shadow",
                    transform=axes.get_xaxis_transform(),
                    va="top",
                    ha="center",
                    color=MUTED,
                    fontsize=7.5,
                )
        axes.axhline(0, color=OTHER, linewidth=1)
        days, values, lows, highs = ([point[i] for point in told] for i in range(4))
        axes.fill_between(days, lows, highs, color=OURS, alpha=0.2, linewidth=0)
        axes.plot(days, values, color=OURS, marker="o", markersize=2.5)
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+.3g}" if value else "0"))
        axes.set(xlim=(_day(trial.looks[0].at) - 1, _day(trial.looks[-1].at) + 1), ylabel=trial.metric)
        _dated(axes)

    _, value, low, high = told[-1]
    words = f"At the last of {len(told)} looks {value:+.4g}, {low:+.4g} to {high:+.4g}."
    return picture(f"trial-{trial.id}", f"Experiment {trial.id} of {trial.model}", words, draw, size=(4.6, 2.6))


def policies(blocks: pd.DataFrame, measures: Sequence[tuple[str, str]]) -> str:
    """Each policy's figure over the blocks, a panel a measure (column, title)."""

    def draw(panels: list[Axes]) -> None:
        for axes, (column, title) in zip(panels, measures, strict=True):
            for policy, name in POLICIES.items():
                axes.plot(
                    blocks["block"] + 1,
                    blocks[f"{column}_{policy}"],
                    color=_COLOURS[policy],
                    label=name,
                    linestyle=_DASHES[policy],
                    marker="o",
                    markersize=3.5,
                    markeredgecolor=PAPER,
                )
            axes.set_title(title, color=MUTED)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.yaxis.set_major_locator(MaxNLocator(5))
            axes.set(xlabel="block")
        panels[0].legend(loc="best")

    words = f"Over {len(blocks)} blocks; the figures stand in the table below."
    return picture(
        "policies", "The policies over the blocks", words, draw, panels=len(measures), size=(9.2, 3.0), shared=False
    )


def _dated(axes: Axes) -> None:
    locator = AutoDateLocator(maxticks=9)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.grid(visible=True, axis="x", color=GRID)


def _day(at: pd.Timestamp) -> float:
    return float(date2num(at.to_pydatetime()))


def _born(tag: str) -> str:
    """When a version's cycle looked at the world: ctr:20170507t000000-… → 05-07."""
    stamp = tag.partition(":")[2][:8]
    return f"{stamp[4:6]}-{stamp[6:8]}" if stamp.isdigit() else tag
