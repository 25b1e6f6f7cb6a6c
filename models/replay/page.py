"""A replay as one HTML file that needs nothing else, in the look of the model cards."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from models.card.page import style
from models.card.phrases import figure, measured, metric_in_words
from models.replay import plots
from models.replay.content import Story, Trained, Trial
from models.replay.policies import POLICIES, Gain

MEASURES = (
    ("loss", "log-loss (lower is better)"),
    ("reward", "taken of ten picks a visit"),
    ("average", "… on average"),
)


def render(story: Story) -> str:
    """The page. Whatever comes from data is escaped; pictures escape their own texts."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(figure=figure, day=lambda at: f"{at:%Y-%m-%d}", metric=metric_in_words, signed=signed)
    template = environment.from_string(files(__package__).joinpath("page.html.jinja").read_text(encoding="utf-8"))
    return template.render(
        style=style(),
        story=story,
        life=_svg(plots.life_lines(story)) if story.reigns else "",
        trials=[(trial, _svg(plots.sequence(trial)) if _has_estimates(trial) else "") for trial in story.trials],
        policies=_svg(plots.policies(story.blocks, MEASURES)) if len(story.blocks) else "",
        measures=MEASURES,
        names=POLICIES,
        by_measure=_by_measure(story.gains),
        headline=headline(story.gains),
        measured=measured,
        standing=_standing,
    )


def headline(gains: Sequence[Gain]) -> list[str]:
    """What the loop was worth, in a sentence for each other policy."""
    told = []
    for gain in gains:
        if gain.measure == "log-loss":
            d = gain.difference
            told.append(
                f"Log-loss of the loop {gain.loop:.6f}, of “{POLICIES[gain.over]}” {gain.other:.6f}: "
                f"{signed(d.value)} ({signed(d.low)} to {signed(d.high)}); {gain.verdict}."
            )
    return told


def signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.3g}" if value else "0"


def _svg(drawn: str) -> Markup:
    return Markup(drawn)  # noqa: S704, it is our own SVG


def _has_estimates(trial: Trial) -> bool:
    return any(look.value is not None for look in trial.looks)


def _by_measure(gains: Sequence[Gain]) -> dict[str, list[Gain]]:
    found: dict[str, list[Gain]] = {}
    for gain in gains:
        found.setdefault(gain.measure, []).append(gain)
    return found


def _standing(found: Trained) -> Any:
    return found.decision or ("none" if found.tag is None else "champion at once")
