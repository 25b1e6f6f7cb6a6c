"""What counts of each order at a snapshot, told the slow way, as rows become known: the oracle of int_orders."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

MONDAY = pd.Timestamp("1970-01-05")
WEEK = pd.Timedelta(days=7)


@dataclass
class Item:
    """What was bought of one product in one part of an order, in cents, and what was given back of it."""

    cents: int = 0
    quantity: float = 0
    lines: int = 0
    cents_back: int = 0
    quantity_back: float = 0
    cents_of_lines: set[int] = field(default_factory=set)

    @property
    def is_back(self) -> bool:
        return self.quantity_back >= self.quantity or self.cents_back >= self.cents > 0


@dataclass
class Part:
    """Lines of an order that became known at one snapshot."""

    order: str
    customer: str
    ordered_at: pd.Timestamp
    known_at: pd.Timestamp
    items: dict[str, Item] = field(default_factory=dict)
    as_a_whole_back: int = 0
    winsorised: float = 0.0

    @property
    def cents(self) -> int:
        return sum(item.cents for item in self.items.values())

    @property
    def cents_back(self) -> int:
        of_items = sum(min(item.cents_back, item.cents) for item in self.items.values())
        return min(self.as_a_whole_back + of_items, self.cents)

    @property
    def is_back(self) -> bool:
        return self.cents_back >= self.cents > 0 or all(item.is_back for item in self.items.values())


def orders_known_at(lines: pd.DataFrame, snapshot: pd.Timestamp) -> pd.DataFrame:
    """One row per order: customer_id, ordered_at, counts (as an order), amount (winsorised, net), exact_amount (net),
    lines.

    ``lines`` are those known at the snapshot; a negative quantity marks a return.
    """
    happened = MONDAY + ((lines["ordered_at"] - MONDAY) // WEEK + 1) * WEEK
    landed = MONDAY + ((lines["landed_at"] - pd.Timedelta(1, "us") - MONDAY) // WEEK + 1) * WEEK
    lines = lines.assign(known_at=np.minimum(np.maximum(happened, landed), snapshot))
    purchases, returns = lines[lines["quantity"] > 0], lines[lines["quantity"] < 0]
    parts: list[Part] = []
    waiting: list = []
    for week in sorted(lines["known_at"].unique()):
        parts += _parts(purchases[purchases["known_at"] == week], week)
        _winsorise(parts, week)
        waiting += list(returns[returns["known_at"] == week].itertuples())
        waiting = [line for line in waiting if not _give_back(line, parts)]
    return pd.DataFrame([_told(order, [p for p in parts if p.order == order]) for order in {p.order for p in parts}])


def _parts(lines: pd.DataFrame, week: pd.Timestamp) -> list[Part]:
    parts: dict[str, Part] = {}
    for line in lines.itertuples():
        part = parts.setdefault(line.order_id, Part(line.order_id, line.customer_id, line.ordered_at, week))
        item = part.items.setdefault(line.product_id, Item())
        item.cents += round(100 * line.amount)
        item.quantity += line.quantity
        item.lines += 1
        item.cents_of_lines.add(round(100 * line.amount))
    return list(parts.values())


def _winsorise(parts: list[Part], week: pd.Timestamp) -> None:
    first = {}
    for part in parts:  # they lie in the order of arrival
        first.setdefault(part.order, part)
    lately = [part.cents / 100 for part in first.values() if part.known_at > week - 12 * WEEK]
    low, high = -np.inf, np.inf
    if len(lately) >= 100:
        lower, upper = np.quantile(lately, [0.25, 0.75])
        low, high = lower - 3 * (upper - lower), upper + 3 * (upper - lower)
    for part in parts:
        if part.known_at == week:
            part.winsorised = min(max(part.cents / 100, low), high)


def _give_back(line, parts: list[Part]) -> bool:
    cents = -round(100 * line.amount)
    mine = [p for p in parts if p.customer == line.customer_id and p.ordered_at <= line.ordered_at]
    named = pd.notna(line.product_id)

    def evidence(part: Part) -> int:
        if part.order == line.order_id and (not named or line.product_id in part.items):
            return 1
        if named:
            return 2 if line.product_id in part.items else 9
        return (
            3 if any(cents in item.cents_of_lines for item in part.items.values()) else 4 if cents == part.cents else 9
        )

    found = sorted((evidence(p), -p.ordered_at.value, p.known_at) for p in mine)
    if not found or found[0][0] == 9:
        return False
    (part,) = (p for p in mine if (evidence(p), -p.ordered_at.value, p.known_at) == found[0])
    if named:
        part.items[line.product_id].cents_back += cents
        part.items[line.product_id].quantity_back -= line.quantity
    else:
        part.as_a_whole_back += cents
    return True


def _told(order: str, parts: list[Part]) -> dict[str, object]:
    kept = [1 - part.cents_back / part.cents if part.cents else 1.0 for part in parts]
    left = [0 if p.is_back else sum(i.lines for i in p.items.values() if not i.is_back) for p in parts]
    return {
        "order_id": order,
        "customer_id": parts[0].customer,
        "ordered_at": parts[0].ordered_at,
        "counts": not all(part.is_back for part in parts),
        "amount": sum(part.winsorised * share for part, share in zip(parts, kept, strict=True)),
        "exact_amount": sum(part.cents - part.cents_back for part in parts) / 100,
        "lines": sum(left),
    }
