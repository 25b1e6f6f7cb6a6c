"""The sentences of an explanation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from models.budget.solution import LimitValue
from models.budget.tables import ALL

if TYPE_CHECKING:
    from models.budget.explain import Explanation

MOST_LIMITS = 8
EARNS = 1e-12


def sentences(e: Explanation) -> Iterator[str]:
    """The whole, most important first."""
    s = e.solution
    sure = (
        "the best there is" if s.status == "optimal" else f"the best found in time, at most {s.gap:.2%} below the best"
    )
    span = "" if s.interval is None else f" (from {s.interval.low:,.2f} to {s.interval.high:,.2f})"
    yield f"Spending {s.cost:,.2f} returns {s.expected_return:,.2f}{span}: {sure}."
    if (doubt := below_cost(s.cost, s.expected_return)) is not None:
        yield doubt
    if e.comparison is not None:
        yield _sentence(e.comparison.words)
    if e.conservative is not None and e.at_low is not None:
        yield (
            f"If every return lay at the low end of its interval, this plan would return {e.at_low:,.2f}, and the plan "
            f"made for that case {e.conservative.expected_return:,.2f}."
        )
    elif e.not_conservative is not None:
        yield _sentence(f"at the low end of returns there is no plan to compare with: {e.not_conservative}")
    if s.marginal is not None:
        yield _sentence(of_value(s.marginal))
    elif s.status != "optimal":
        yield "What more money would return is not known: time ran out."
    elif s.is_in_batches:
        yield "The budget is not used up because whole batches do not fit what is left; more may buy further ones."
    else:
        yield "The budget does not bind: more money would change nothing."
    others = [value for value in e.values if value.limit.kind != "budget" and (value.more or value.less)]
    for value in others[:MOST_LIMITS]:
        yield _sentence(of_value(value))
    if len(others) > MOST_LIMITS:
        yield f"{len(others) - MOST_LIMITS} further limits bind and are worth less."
    for number, step_ in enumerate(e.next_money, 1):
        yield f"{number}. {_sentence(step_.words)}"


def below_cost(cost: float, gain: float) -> str | None:
    """What to think of a plan that returns less than it costs; ``None`` where it does not."""
    if gain >= cost:
        return None
    return "It returns less than it costs: it loses money, unless returns are in a unit of their own."


def of_value(value: LimitValue) -> str:
    """'spend at most 1,130,000 in total' binds: one more returns +0.05625, one less −0.05625."""
    unit = {"cost": "unit of money", "units": "unit", "return": "unit of return"}[value.limit.unit]
    more = "no plan would be left" if value.more is None else f"the return changes by {value.more:+.5g}"
    less = "no plan would be left" if value.less is None else f"by {-value.less:+.5g}"
    if value.less is None:
        less = "no plan would be left"
    return f"'{value.limit.words}' binds: with one {unit} more {more}, with one less {less}"


def step(names: tuple[str, ...], cost: float, units: float, rate: float, money: float) -> str:
    """Why a part of the next money goes there."""
    name = " · ".join(name for i, name in enumerate(names) if name != ALL or i == 0)
    if units < 0:
        return f"{-units:,.2f} units of {name} are given up and free {-cost:,.2f}: elsewhere they return no less"
    return (
        f"{cost:,.2f} of the next {money:,.0f} go to {name} ({units:,.2f} units) because there each unit of money "
        f"still returns {rate:.5g}"
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
