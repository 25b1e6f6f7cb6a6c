"""A card as one HTML file that needs nothing else: pictures and style inside, no script, no address to load from."""

from collections.abc import Sequence
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from models.card import plots
from models.card.content import Card
from models.card.phrases import (
    METRICS,
    attribute_in_words,
    figure,
    measured,
    metric_in_words,
    setting,
    share,
    span,
    words,
)
from models.card.slices import Slice, by_chance


def render(card: Card) -> str:
    """The card's HTML. Whatever comes from data is escaped; pictures escape their own texts."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(figure=figure, share=share, span=span, words=words, prose=prose)
    environment.filters.update(
        metric=metric_in_words, attribute=attribute_in_words, setting=lambda value: setting("", value)
    )
    template = environment.from_string(files(__package__).joinpath("page.html.jinja").read_text(encoding="utf-8"))
    return template.render(
        style=style(),
        card=card,
        facts=card.facts,
        pictures={name: Markup(svg) for name, svg in _pictures(card).items()},  # noqa: S704, it is our own SVG
        meanings={name: meaning for name, (_, meaning) in METRICS.items()},
        measured=measured,
        origins=sorted({origin for line in card.metrics for origin in line.earlier}, reverse=True),
        score_name=_score_name(card),
        strategies={segment.name: segment.strategy for segment in card.segments if segment.strategy},
        by_chance=by_chance(len(card.judged)),
        unjudged=_unjudged(card),
        notes={name: setting(name, note) for name, note in card.notes.items()},
        parameters={name: setting(name, value) for name, value in card.facts.parameters.items()},
        made_with={"git commit": card.facts.git_commit[:12], **card.facts.environment},
    )


def style() -> Markup:
    """How pages that stand alone look, on a screen, in the dark and on paper."""
    return Markup(files(__package__).joinpath("page.css").read_text(encoding="utf-8"))  # noqa: S704, it is our own


def _pictures(card: Card) -> dict[str, str]:
    """What there are figures for, drawn."""
    found: dict[str, str] = {}
    if card.bins:
        found["calibration"] = plots.calibration(card.bins, card.words.outcome, is_amount=card.is_amount)
        if all(b.coverage for b in card.bins):
            found["coverage"] = plots.coverage(card.bins, card.facts.parameters.get("coverage"))
    if card.gain is not None:
        found["gain"] = plots.cumulative_gain(card.gain, of="all money" if card.is_amount else "all positives")
    told = [s for s in card.slices if s.ratio is not None]
    if told and card.overall is not None and card.ratio is not None:
        found["slices"] = plots.forest(
            told, _names(told), (card.ratio, card.overall), "R²" if card.is_amount else "AUC"
        )
    if card.elbow is not None:
        found["elbow"] = plots.elbow(card.elbow)
    return found


def prose(text: str) -> Markup:
    """What stands between backticks is set as code; all of it is escaped."""
    parts = text.split("`")
    return Markup("").join(Markup("<code>{}</code>").format(p) if i % 2 else p for i, p in enumerate(parts))


def _score_name(card: Card) -> str:
    return "R²" if card.is_amount else "AUC"


def _names(slices: Sequence[Slice]) -> list[str]:
    """Attribute and value; the attribute once, before its first value."""
    names, before = [], ""
    for found in slices:
        attribute = attribute_in_words(found.attribute)
        names.append(f"{attribute if attribute != before else ''}   {_short(found.value)}".strip())
        before = attribute
    return names


def _short(text: str, letters: int = 28) -> str:
    return text if len(text) <= letters else text[: letters - 1] + "…"


def _unjudged(card: Card) -> dict[tuple[str, str], list[str]]:
    """Values of which nothing is said, by attribute and reason."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in card.slices:
        if not one.is_judged:
            found.setdefault((attribute_in_words(one.attribute), one.verdict), []).append(one.value)
    return found
