"""What no figure can say of a model: what it is for, what not, and where its limits lie. An entry a model."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Words:
    """The prose of a card.

    ``what``: what the model is and does, two sentences. ``outcome``: what is predicted, as it reads after
    "predicted" and "observed". ``label``, ``weight``: columns of the training rows, where there are such.
    ``interval_level``: what the intervals of amounts claim, such as 0.8.
    """

    title: str
    what: str
    intended: tuple[str, ...]
    not_intended: tuple[str, ...]
    limits: tuple[str, ...]
    outcome: str
    label: str | None = None
    weight: str | None = None
    interval_level: float | None = None


_OBSERVATIONAL = (
    "It says who will, not whom a message would change: nobody was left out at random, so an effect of acting on "
    "it is not known until an experiment measures it."
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
            "monetary value, expected revenue) and names each group by the side of the average it lies "
            "on. It also gives "
            "each customer "
            "RFM scores from 1 to 5, where 5 is best."
        ),
        intended=(
            "Planning: how large each group is, what it is worth, which strategy it gets.",
            "Choosing audiences together with other scores (`aimloop audience`).",
        ),
        not_intended=(*_NOT_ABOUT_PEOPLE, "Single decisions about a customer near the border of two groups."),
        limits=(
            "Groups are drawn by distance; where customers lie on a continuum, borders are a convention.",
            "Names are relative to the average customer of the day of training, and move with it.",
            "Money is net of returns and winsorised; only the last 84 days count.",
        ),
        outcome="spend in the 28 days after",
    ),
    "ctr": Words(
        title="Click probability",
        what=(
            "Estimates the probability that a customer takes what an impression shows. Gradient-boosted trees and a "
            "logistic regression learn it from past impressions, and are put back to the true rate "
            "where impressions were "
            "sampled."
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
        label="clicked",
        weight="sampling_weight",
    ),
    "churn": Words(
        title="Churn risk",
        what=(
            "Estimates the probability that a customer who ordered lately lets the whole horizon pass without another "
            "order, and when to make contact. Small gradient-boosted trees and a logistic regression learn it together "
            "from snapshots of customers and what they did next; a survival model tells days."
        ),
        intended=(
            "Choosing whom to win back while they are still customers, best by rank or risk band.",
            "Expected losses of a group: the sum of its probabilities.",
        ),
        not_intended=(*_NOT_ABOUT_PEOPLE, "Worse service or worse prices for whoever is likely to stay."),
        limits=(
            _OBSERVATIONAL,
            "Only customers with an order in the window before the snapshot are scored; the others have left already.",
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
            "Forecasts what a customer will spend within the next 90 days, with an interval that is to "
            "hold four in five. "
            ""
            "A line through what the customer lately spent per day carries the forecast, "
            "gradient-boosted trees correct "
            "it."
        ),
        intended=(
            "Ranking customers by what they are worth, and bounds on what to spend on keeping them.",
            "Sums over groups, divided by the bias ratio on this card.",
        ),
        not_intended=(*_NOT_ABOUT_PEOPLE, "Worse service for whoever is forecast to spend little."),
        limits=(
            _OBSERVATIONAL,
            "Revenue, not profit: costs and returns after the horizon are not in it.",
            "Less than two years of data cannot tell a season from a trend.",
        ),
        outcome="spend in the 90 days after",
        interval_level=0.8,
    ),
}
