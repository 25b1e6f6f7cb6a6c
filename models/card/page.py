"""A card as one HTML file that needs nothing else: pictures and style inside, no script, no address to load from."""

import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from models.card import plots
from models.card.content import Card
from models.card.slices import Slice
from models.metrics import Metric

# What a metric means, for whoever does not compute them: name in words, and how to read it.
METRICS: dict[str, tuple[str, str]] = {
    "auc": ("AUC", "chance that a positive is ranked above a negative; 0.5 is chance"),
    "pr_auc": ("average precision", "precision over all recalls; chance is the base rate"),
    "top_decile_lift": ("lift, best tenth", "positives in the best-scored tenth, times chance"),
    "log_loss": ("log-loss", "nats per row; lower is better"),
    "log_loss_gain": ("log-loss saved", "baseline's minus ours, nats per row; above 0 is better"),
    "normalised_entropy": ("normalised entropy", "log-loss over that of the base rate; below 1 is better"),
    "prediction_ratio": ("predicted ÷ observed", "1 is calibrated in the large"),
    "brier": ("Brier score", "mean squared error of the probability; lower is better"),
    "churn_rate": ("churn rate", "observed share"),
    "click_ratio": ("click rate", "observed share, sampling undone"),
    "gain_over_recency": ("gain over recency", "ours minus recency alone"),
    "gain_over_baseline": ("gain over the baseline", "ours minus the baseline's"),
    "recency_auc": ("AUC of recency", "days since the last order, alone"),
    "eta_squared": ("eta²", "share of later spend's variance that lies between segments"),
    "epsilon_squared": ("epsilon²", "the same for ranks"),
    "silhouette": ("silhouette", "−1 to 1: how far apart segments lie"),
    "rows": ("rows", "evaluated on"),
}
ATTRIBUTES = {
    "age_band": "age",
    "income_band": "income",
    "household_size": "household size",
    "tenure": "time since first order",
}


def render(card: Card) -> str:
    """The card's HTML. Whatever comes from data is escaped; pictures escape their own texts."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(figure=figure, share=share, span=span, words=words, column=column_in_words)
    template = environment.from_string(files(__package__).joinpath("page.html.jinja").read_text(encoding="utf-8"))
    return template.render(
        card=card,
        facts=card.facts,
        pictures={name: Markup(svg) for name, svg in _pictures(card).items()},  # noqa: S704, it is our own SVG
        metric_words=METRICS,
        attribute_words=ATTRIBUTES,
        origins=sorted({origin for line in card.metrics for origin in line.earlier}, reverse=True),
        score_name="R²" if card.is_amount else "AUC",
        columns=list(dict.fromkeys(name for segment in card.segments for name in segment.means)),
        notes={name: _text(note) for name, note in card.notes.items()},
        parameters={name: _text(value) for name, value in card.facts.parameters.items()},
        made_with={"git commit": card.facts.git_commit[:12], **card.facts.environment},
    )


def _pictures(card: Card) -> dict[str, str]:
    """What there are figures for, drawn."""
    found: dict[str, str] = {}
    if card.bins:
        found["calibration"] = plots.calibration(card.bins, card.words.outcome, is_amount=card.is_amount)
        if all(b.coverage for b in card.bins):
            found["coverage"] = plots.coverage(card.bins)
    if card.gain is not None:
        found["gain"] = plots.cumulative_gain(card.gain, of="all money" if card.is_amount else "all positives")
    told = [s for s in card.slices if s.ratio is not None]
    if told and card.overall is not None:
        found["slices"] = plots.forest(told, _names(told), card.overall, "R²" if card.is_amount else "AUC")
    if card.elbow is not None:
        found["elbow"] = plots.elbow(card.elbow)
    return found


def _names(slices: Sequence[Slice]) -> list[str]:
    """Attribute and value; the attribute once, before its first value."""
    names, before = [], ""
    for found in slices:
        attribute = ATTRIBUTES.get(found.attribute, found.attribute)
        names.append(f"{attribute if attribute != before else ''}   {_short(found.value)}".strip())
        before = attribute
    return names


def _short(text: str, letters: int = 28) -> str:
    return text if len(text) <= letters else text[: letters - 1] + "…"


def figure(value: float | None) -> str:
    """A number with the places it deserves: 17,667; 41.2; 0.866; 0.00531; nothing for nothing."""
    if value is None or value != value:
        return "–"
    if value == round(value) and abs(value) < 1e12:
        return f"{value:,.0f}"
    size = abs(value)
    if size < 1e-4:
        return "< 0.0001" if value > 0 else "0.0000"
    places = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 10 else 3 if size >= 0.1 else 4
    return f"{value:,.{places}f}" if size >= 0.01 else f"{value:.5f}"


def share(value: float | None) -> str:
    """A share as per cent: 55 %, 5.5 %, 0.09 %."""
    if value is None:
        return "–"
    places = 0 if value >= 0.1 or value == 0 else 1 if value >= 0.01 else 2 if value >= 0.001 else 3
    return f"{value * 100:.{places}f} %"


def span(metric: Metric | None) -> str:
    """A metric's 95 % interval; nothing where none was estimated."""
    if metric is None or metric.low is None or metric.high is None:
        return ""
    return f"{figure(metric.low)} – {figure(metric.high)}"


def words(name: str) -> str:
    return name.replace("_", " ")


def column_in_words(name: str) -> str:
    """orders_84d → orders in 84 days."""
    return words(re.sub(r"_(\d+)d\b", r" in \1 days", name))


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(part) for part in value)
    return figure(value) if isinstance(value, float) else str(value)
