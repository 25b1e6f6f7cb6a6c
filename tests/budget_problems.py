"""Random budget problems, and the slow, obvious way to solve small ones: try every corner."""

from collections.abc import Iterator
from itertools import combinations, product

import numpy as np
import pandas as pd

from models.budget.activities import of_responses
from models.budget.problem import Problem, Rule, Where, of_channels

EXAMPLE = pd.DataFrame(
    [("feed", 50, 3.2, 10_000, 2_000), ("search", 80, 4.5, 6_000, 1_500), ("short video", 30, 2.8, 15_000, 3_000)],
    columns=["channel", "unit_cost", "unit_return", "max_units", "min_units"],
)
EVERY = ("channel", "segment", "offer", "period")


def random_problem(rng: np.random.Generator, most: tuple[int, int, int, int] = (3, 3, 2, 2)) -> Problem:
    """Of up to so many channels, segments, offers and periods, with limits of every kind now and then."""
    names = [[f"{key[0]}{i}" for i in range(int(rng.integers(1, n + 1)))] for key, n in zip(EVERY, most, strict=True)]
    frame = pd.MultiIndex.from_product(names, names=EVERY).to_frame(index=False)
    count = len(frame)
    frame["unit_cost"] = rng.integers(1, 9, count) / 2
    frame["unit_return"] = rng.integers(-1, 20, count) / 4
    frame["max_units"] = np.where(rng.random(count) < 0.5, np.inf, rng.integers(0, 30, count))
    if rng.random() < 0.4:
        first = frame.assign(piece=0, max_units=rng.integers(1, 20, count))
        falls = rng.integers(0, 4, count) / 4
        second = first.assign(piece=1, unit_return=frame["unit_return"] - falls, max_units=rng.integers(1, 20, count))
        frame = pd.concat([first, second], ignore_index=True)
    return _limited(rng, frame, names)


def small_problem(rng: np.random.Generator) -> Problem:
    """Few enough columns to try every corner; sometimes a channel sells in batches."""
    shape = [(3, 1, 1, 1), (2, 2, 1, 1), (2, 1, 2, 1), (1, 2, 1, 2)][int(rng.integers(4))]
    while len((problem := random_problem(rng, shape)).activities) > 4:
        pass
    if rng.random() < 0.3 and problem.channels is not None:
        batches = np.where(rng.random(len(problem.channels)) < 0.6, rng.integers(2, 6, len(problem.channels)), 0)
        held = problem.channels.assign(batch_units=batches)
        held["max_units"] = held["max_units"].clip(upper=20)
        return Problem(**{**vars(problem), "channels": held})
    return problem


def beside_large_spend(rng: np.random.Generator) -> tuple[Problem, float]:
    """A channel frozen at 1 to 20 million beside two sold one by one with what a few hundred more buy; and the best."""
    spend, left = float(rng.choice([1e6, 5e6, 2e7])), int(rng.integers(50, 400))
    costs = rng.integers(20, 120, 2).astype(float)
    gains = costs * rng.uniform(1, 2, 2)
    table = pd.DataFrame(
        {"channel": ["tv", "a", "b"], "unit_cost": [10, *costs], "unit_return": [12, *gains], "max_units": 1e7}
    ).assign(min_units=0.0, fixed_units=[spend / 10, np.nan, np.nan], batch_units=[0, 1, 1])
    counts = product(range(left // 20 + 1), repeat=2)
    best = max(float(gains @ count) for count in counts if costs @ count <= left)
    return of_channels(table, spend + left), 1.2 * spend + best


def _limited(rng: np.random.Generator, frame: pd.DataFrame, names: list[list[str]]) -> Problem:
    channels, segments, _, periods = names
    count = len(channels)

    def sometimes(chance: float, values: np.ndarray, otherwise: float) -> np.ndarray:
        return np.where(rng.random(len(values)) < chance, values, otherwise)

    held = pd.DataFrame({"channel": channels})
    held["min_units"] = sometimes(0.5, rng.integers(0, 3, count), 0)
    held["max_units"] = sometimes(0.5, rng.integers(5, 60, count), np.inf)
    if rng.random() < 0.3:
        held["fixed_units"] = sometimes(0.3, rng.integers(0, 5, count), np.nan)
    if rng.random() < 0.3:
        held["min_return"] = sometimes(0.3, rng.integers(0, 5, count), np.nan)
    people = pd.DataFrame({"segment": segments, "customers": rng.integers(5, 30, len(segments))})
    people["contacts_per_customer"] = rng.integers(1, 3, len(segments))
    people["min_contacts_per_customer"] = rng.integers(0, 2, len(segments)) / 20
    reach = pd.MultiIndex.from_product([channels, segments], names=["channel", "segment"]).to_frame(index=False)
    reach["max_units"] = rng.integers(2, 25, len(reach))
    times = pd.DataFrame({"period": periods})
    times["budget"] = sometimes(0.5, rng.integers(10, 80, len(periods)), np.inf)
    rules = []
    if rng.random() < 0.5:
        where = Where(channels=(channels[0],))
        most = float(rng.uniform(0.3, 0.8))
        if count > 1:  # of one channel alone that would be a contradiction
            rules.append(Rule(name="first channel", where=where, at_most=most, is_share=True))
    if rng.random() < 0.3:
        where, least = Where(segments=(segments[0],)), float(rng.uniform(0.05, 0.2))
        rules.append(Rule(name="first segment", measure="units", where=where, at_least=least, is_share=True))
    return Problem(
        activities=frame,
        budget=float(rng.integers(5, 120)),
        channels=held,
        segments=people,
        reach=reach if rng.random() < 0.7 else None,
        periods=times,
        rules=tuple(rules),
        min_roi=-0.5 if rng.random() < 0.2 else None,
    )


Line = tuple[list[float], float, float]  # coefficients, low, high


def plain_limits(problem: Problem) -> Iterator[Line]:
    """Every limit as a line of coefficients, written as it is read, one activity after the other."""
    rows = problem.activities.to_dict("records")
    free = float("inf")

    def line(of, low, high, measure=lambda row: 1.0):
        return [measure(row) if of(row) else 0.0 for row in rows], low, high

    def cost(row):
        return row["unit_cost"]

    def gain(row):
        return row["unit_return"]

    for i in range(len(rows)):
        yield [float(i == j) for j in range(len(rows))], 0.0, float(rows[i].get("max_units", free))
    yield line(lambda row: True, -free, problem.budget, cost)
    for time in problem.periods.to_dict("records"):
        yield line(lambda row, t=time: row["period"] == t["period"], -free, time["budget"], cost)
    for held in problem.channels.to_dict("records"):
        fixed, least = held.get("fixed_units", np.nan), held.get("min_return", np.nan)
        low, high = (held["min_units"], held["max_units"]) if np.isnan(fixed) else (fixed, fixed)
        yield line(lambda row, h=held: row["channel"] == h["channel"], low, high)
        if not np.isnan(least):
            yield line(lambda row, h=held: row["channel"] == h["channel"], least, free, gain)
    for people in problem.segments.to_dict("records"):
        least = people["customers"] * people["min_contacts_per_customer"]
        yield line(lambda row, s=people: row["segment"] == s["segment"], least, free)
        for time in problem.periods["period"]:
            most = people["customers"] * people["contacts_per_customer"]
            yield line(lambda row, s=people, t=time: (row["segment"], row["period"]) == (s["segment"], t), -free, most)
    if problem.reach is not None:
        for pair, time in product(problem.reach.to_dict("records"), problem.periods["period"]):
            name = (pair["channel"], pair["segment"], time)
            yield line(
                lambda row, n=name: (row["channel"], row["segment"], row["period"]) == n, -free, pair["max_units"]
            )
    for rule in problem.rules:
        measure = {"units": lambda row: 1.0, "cost": cost, "return": gain}[rule.measure]

        def chosen(row, where=rule.where):
            pairs = ((row[key], getattr(where, f"{key}s")) for key in EVERY)
            return all(not names or name in names for name, names in pairs)

        for bound, is_least in ((rule.at_least, True), (rule.at_most, False)):
            if bound is not None:
                share = [(chosen(row) - bound * rule.is_share) * measure(row) for row in rows]
                amount = 0.0 if rule.is_share else bound
                yield (share, amount, free) if is_least else (share, -free, amount)
    if problem.min_roi is not None:
        yield line(lambda row: True, 0.0, free, lambda row: gain(row) - (1 + problem.min_roi) * cost(row))


def best_corner(problem: Problem) -> float | None:
    """The best return over all corners, for all counts of batches; ``None`` where no corner keeps the limits."""
    gains = problem.activities["unit_return"].to_numpy(float)
    limits = list(plain_limits(problem))
    best = None
    for batches in _batches(problem):
        lines = limits + batches
        matrix = np.array([line[0] for line in lines])
        low, high = (np.array([line[i] for line in lines], dtype=float) for i in (1, 2))
        for corner in _corners(matrix, low, high):
            best = max(float(gains @ corner), -np.inf if best is None else best)
    return best


def _batches(problem: Problem) -> Iterator[list[Line]]:
    """Every count of batches, for each channel and period that has them, as lines that must be met exactly."""
    rows, sold = problem.activities.to_dict("records"), []
    for held in problem.channels.to_dict("records"):
        if held.get("batch_units", 0):
            sold += [(held["channel"], time, held["batch_units"]) for time in problem.periods["period"]]
    most = 20  # no channel with batches sells more (`small_problem`)
    for counts in product(*(range(int(most // size) + 1) for _, _, size in sold)):
        yield [
            ([float((row["channel"], row["period"]) == (channel, time)) for row in rows], size * n, size * n)
            for (channel, time, size), n in zip(sold, counts, strict=True)
        ]


def _corners(matrix: np.ndarray, low: np.ndarray, high: np.ndarray) -> Iterator[np.ndarray]:
    """Every point where as many limits as there are columns meet, and all are kept."""
    ends = [(row, end) for row in range(len(matrix)) for end in {low[row], high[row]} if np.isfinite(end)]
    size = matrix.shape[1]
    chosen = np.array(list(combinations(range(len(ends)), size)))
    if not len(chosen):
        return
    left = matrix[np.array([row for row, _ in ends])][chosen]
    right = np.array([end for _, end in ends])[chosen]
    regular = np.abs(np.linalg.det(left)) > 1e-9
    points = np.linalg.solve(left[regular], right[regular][..., None])[..., 0]
    used = points @ matrix.T
    kept = ((used >= low - 1e-7) & (used <= high + 1e-7)).all(axis=1)
    yield from points[kept]


def planned_problem(channels: int, segments: int, offers: int, periods: int, seed: int = 0) -> Problem:
    """A plan as people make it: responses, reach by consent, seasons, contact limits, fairness, shares, budgets."""
    rng = np.random.default_rng(seed)
    names = [
        [f"{key} {i}" for i in range(n)] for key, n in zip(EVERY, (channels, segments, offers, periods), strict=True)
    ]
    customers, value = rng.integers(200, 20_000, segments), rng.lognormal(3, 0.6, segments)
    people = pd.DataFrame({"segment": names[1], "customers": customers, "value": value})
    reach = pd.MultiIndex.from_product(names[:2], names=EVERY[:2]).to_frame(index=False)
    reach["max_units"] = np.round(rng.uniform(0.1, 0.9, (channels, segments)) * customers).ravel()
    responses = pd.MultiIndex.from_product(names[:3], names=EVERY[:3]).to_frame(index=False)
    responses["response"] = rng.beta(2, 60, len(responses))
    discount = rng.uniform(0, 0.3, offers)
    responses["cost_per_response"] = np.tile(np.outer(value, discount).ravel(), channels)
    budget = 0.5 * float(customers.sum()) * periods
    share = max(0.1, 2 / channels)
    return of_responses(
        pd.DataFrame({"channel": names[0], "unit_cost": rng.uniform(0.02, 2, channels)}),
        responses,
        people.assign(contacts_per_customer=2, min_contacts_per_customer=0.05),
        budget=budget,
        reach=reach,
        periods=pd.DataFrame(
            {"period": names[3], "season": rng.uniform(0.8, 1.2, periods), "budget": budget * 1.2 / periods}
        ),
        rules=tuple(
            Rule(name=name, where=Where(channels=(name,)), at_most=share, is_share=True) for name in names[0][:5]
        ),
    )


def middle_problem(seed: int) -> Problem:
    """480 activities."""
    return planned_problem(6, 10, 4, 2, seed)
