"""The tables of a budget problem: their columns, what these may hold, and what stands in for a column left out.

Names of channels, segments, offers and periods are text (or categories); numbers are per *unit*, where a unit is what a
channel sells: a contact, a click, a thousand impressions. Money is in one currency.
"""

from dataclasses import dataclass
from math import inf

from models.bounds import Number

ALL = "all"  # the one segment, offer or period of a problem that does not tell them apart


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of numbers: its range, and what is taken where it is left out (``None``: it is required)."""

    name: str
    range: Number
    default: float | None = None
    may_be_empty: bool = False  # an empty cell means the default


@dataclass(frozen=True, kw_only=True)
class Table:
    """Columns that name a row (``keys``), further names, and numbers."""

    name: str
    keys: tuple[str, ...]
    numbers: tuple[Column, ...]

    def column(self, name: str) -> Column:
        return next(column for column in self.numbers if column.name == name)


ANY, COUNT = Number(-inf, inf, without_low=True, without_high=True), Number(0, inf)
MONEY = Number(0, inf, without_high=True)


def _left_out(name: str, range_: Number, default: float) -> Column:
    return Column(name=name, range=range_, default=default, may_be_empty=True)


ACTIVITIES = Table(
    name="activities",  # channel × segment × offer × period; ``piece`` counts the falling steps of its response curve
    keys=("channel", "segment", "offer", "period", "piece"),
    numbers=(
        Column(name="unit_cost", range=MONEY),
        Column(name="unit_return", range=ANY),
        _left_out("max_units", COUNT, inf),
        _left_out("unit_return_low", ANY, float("nan")),  # both or none: the ends of the interval of unit_return
        _left_out("unit_return_high", ANY, float("nan")),
    ),
)
CHANNELS = Table(
    name="channels",  # what holds for a channel over all segments, offers and periods together
    keys=("channel",),
    numbers=(
        _left_out("min_units", MONEY, 0),
        _left_out("max_units", COUNT, inf),
        _left_out("fixed_units", MONEY, float("nan")),  # frozen: exactly so many
        _left_out("min_return", ANY, float("nan")),  # minimum contribution
        _left_out("batch_units", MONEY, 0),  # sold in batches of so many, in each period; 0: divisible
    ),
)
SEGMENTS = Table(
    name="segments",
    keys=("segment",),
    numbers=(
        Column(name="customers", range=MONEY),
        _left_out("contacts_per_customer", COUNT, inf),  # at most, in each period, over all channels
        _left_out("min_contacts_per_customer", MONEY, 0),  # fairness: at least, over the whole plan
        _left_out("value", ANY, 1),  # of one response; this and the next are used by `activities.of_responses` alone
        _left_out("value_low", ANY, float("nan")),
        _left_out("value_high", ANY, float("nan")),
    ),
)
REACH = Table(
    name="reach",  # contacts that consent and eligibility allow, over all offers; pairs left out are not limited here
    keys=("channel", "segment", "period"),
    numbers=(Column(name="max_units", range=COUNT),),
)
PERIODS = Table(
    name="periods",
    keys=("period",),
    numbers=(
        _left_out("budget", COUNT, inf),
        _left_out("season", MONEY, 1),  # what responses are multiplied by in this period, by `activities.of_responses`
    ),
)
RESPONSES = Table(
    name="responses",  # what the models predict: responses per contact
    keys=("channel", "segment", "offer"),
    numbers=(
        Column(name="response", range=Number(0, inf, without_high=True)),
        _left_out("response_low", Number(0, inf, without_high=True), float("nan")),
        _left_out("response_high", Number(0, inf, without_high=True), float("nan")),
        _left_out("cost_per_response", MONEY, 0),  # what the offer itself costs when it is taken: a discount, a gift
    ),
)
