"""What no figure can say of a model: what it is for, what not, and where its limits lie. An entry a model.

Numbers of a version stand in braces, as ``told`` fills them in: prose that repeats a parameter says another's sooner
or later.
"""

import string
from dataclasses import dataclass, replace
from typing import Any

from models.card.phrases import figure, share


@dataclass(frozen=True, kw_only=True)
class Words:
    """The prose of a card.

    ``what``: what the model is and does, two sentences. ``outcome``: what is predicted, as it reads after
    "predicted" and "observed". ``label``, ``weight``: columns of the training rows, where there are such.
    ``rows``: what one row of the examples is, in the plural.
    """

    title: str
    what: str
    intended: tuple[str, ...]
    not_intended: tuple[str, ...]
    limits: tuple[str, ...]
    outcome: str
    rows: str = "snapshots"
    label: str | None = None
    weight: str | None = None


_OBSERVATIONAL = (
    "It says who will, not whom a message would change: nobody was left out at random, so an effect of acting on "
    "it is not known until an experiment measures it."
)
_OBSERVATIONAL_AMOUNT = (
    "It says how much somebody will spend, not how much more a message would bring: nobody was left out at random, so "
    "an effect of acting on it is not known until an experiment measures it."
)
_NOT_ABOUT_PEOPLE = (
    "Decisions with legal or similarly serious effects on a person: credit, insurance, employment, eligibility.",
    "Guessing what people have not told: health, origin, belief, financial distress.",
)

WORDS: dict[str, Words] = {
    "segmentation": Words(
        title="Customer segments",
        what=(
            "Groups customers by how lately, how often and for how much they bought (K-means on recency, frequency and "
            "monetary value, expected revenue) and names each group by the side of the average it lies on. It also "
            "gives each customer RFM scores from 1 to 5, where 5 is best."
        ),
        intended=(
            "Planning: how large each group is, what it is worth, which strategy it gets.",
            "Choosing audiences together with other scores (`aimloop audience`).",
        ),
        not_intended=(*_NOT_ABOUT_PEOPLE, "Single decisions about a customer near the border of two groups."),
        limits=(
            "Groups are drawn by distance; where customers lie on a continuum, borders are a convention.",
            "A segment keeps the name of the champion's segment it is matched to; names of new ones are relative to "
            "the average customer of the day of training.",
            "Money is net of returns and winsorised; only the last 84 days count.",
        ),
        outcome="spend in the {period} after",
        rows="customers",
    ),
    "ctr": Words(
        title="Click probability",
        what=(
            "Estimates the probability that a customer takes what an impression shows. Gradient-boosted trees and a "
            "logistic regression learn it from past impressions, and are put back to the true rate where impressions "
            "were sampled."
        ),
        intended=(
            "Ranking products and placements for a customer (`POST /ctr`, `best_products` of the scores).",
            "Expected clicks of a channel, for planning a budget.",
        ),
        not_intended=(*_NOT_ABOUT_PEOPLE, "Prices or offers that differ by who somebody is."),
        limits=(
            _OBSERVATIONAL,
            "It has seen only what was shown: what earlier campaigns never tried, it knows nothing of.",
            "In the default data an impression is a display or mailer placement of a product in a store, and a click a "
            "purchase of it on such a visit.",
            "Customers seen for the first time are described by products and placement alone.",
        ),
        outcome="click rate",
        rows="impressions",
        label="clicked",
        weight="sampling_weight",
    ),
    "churn": Words(
        title="Churn risk",
        what=(
            "Estimates the probability that a customer with an order {lately} places none in the next {horizon}, and "
            "when to make contact. Small gradient-boosted trees and a logistic regression learn it together from "
            "snapshots of customers and what they did next; a survival model tells days."
        ),
        intended=(
            "Choosing whom to win back while they are still customers, best by rank or risk band.",
            "Risk bands: high from a probability of {high_from} ({high_risk} times the odds of the churn rate in "
            "training, {base_rate}), medium from {medium_from} ({medium_risk} times), low below.",
            "Expected losses of a group: the sum of its probabilities, divided by predicted ÷ observed of this card.",
        ),
        not_intended=(*_NOT_ABOUT_PEOPLE, "Worse service or worse prices for whoever is likely to stay."),
        limits=(
            _OBSERVATIONAL,
            "Only customers with an order {lately} are scored; the others count as lapsed and get no probability.",
            "A snapshot a week per customer: neighbours are nearly the same row twice, so intervals come from "
            "resampling customers, not rows.",
            "Less than two years of data cannot tell a season from a trend.",
        ),
        outcome="churn rate",
        label="churned",
    ),
    "clv": Words(
        title="Customer lifetime value",
        what=(
            "Forecasts what a customer will spend within the next {horizon}, with an interval that is to hold "
            "{coverage} of customers. A line through what the customer lately spent per day carries the forecast, "
            "gradient-boosted trees correct it."
        ),
        intended=(
            "Ranking customers by what they are worth, and bounds on what to spend on keeping them.",
            "Sums over groups, divided by predicted ÷ observed of this card.",
        ),
        not_intended=(*_NOT_ABOUT_PEOPLE, "Worse service for whoever is forecast to spend little."),
        limits=(
            _OBSERVATIONAL_AMOUNT,
            "Revenue, not profit: costs and returns after the horizon are not in it.",
            "Less than two years of data cannot tell a season from a trend.",
        ),
        outcome="spend in the {horizon} after",
    ),
}


def told(words: Words, parameters: dict[str, Any], base_rate: float | None = None) -> Words:
    """The prose with the numbers of a version; a line whose number is not known is left out.

    ``parameters`` are those it was trained with, ``base_rate`` that of the training rows.
    """
    known = _numbers(parameters, base_rate)

    def lines(of: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(line.format_map(known) for line in of if _places(line) <= set(known))

    return replace(
        words,
        what=words.what.format_map(known),
        outcome=words.outcome.format_map(known),
        intended=lines(words.intended),
        not_intended=lines(words.not_intended),
        limits=lines(words.limits),
    )


def _numbers(parameters: dict[str, Any], base_rate: float | None) -> dict[str, str]:
    """What stands in the places of prose; those without a number have words, or are not there."""
    days = {name: value for name, value in parameters.items() if name.endswith("_days") and value is not None}
    found = {
        "horizon": f"{figure(days['horizon_days'])} days" if "horizon_days" in days else "horizon",
        "period": f"{figure(days['period_days'])} days" if "period_days" in days else "period",
        "lately": f"in the last {figure(days['window_days'])} days" if "window_days" in days else "lately",
        "coverage": share(parameters["coverage"]) if "coverage" in parameters else "most",
    }
    if base_rate is None or not 0 < base_rate < 1:
        return found
    odds = base_rate / (1 - base_rate)
    for band in ("medium", "high"):
        if (times := parameters.get(f"{band}_risk")) is not None:
            found |= {f"{band}_risk": figure(times), f"{band}_from": share(times * odds / (1 + times * odds))}
    return found | {"base_rate": share(base_rate)}


def _places(line: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(line) if name}
