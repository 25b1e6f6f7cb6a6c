"""False alarms and planted changes, on the click model and real impressions: `make bench ONLY=loop.false_alarm_rate`.

Checks are weekly for false alarms (each looks at four weeks, so that neighbours share three of them) and four-weekly
for planted changes, as a replay makes them: a check sees nothing but changed weeks.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.benchmarks.measure import Figure, at_least, at_most, environ, measured, published_state

HISTORIES, CHECKS = 200, 12
STARTS, SAMPLES = (0, 3, 6, 9, 12), 10
SHIFT = 0.5
ALL = ("data", "prediction", "performance")
LARGEST = 5


def false_alarms(folder: Path) -> dict[str, Figure]:
    """200 permuted worlds, 12 weekly checks each; beside them 20 whose weeks are as they came, without a target."""
    found = _run(folder, "false_alarms")
    return {
        "loop.false_alarm_rate": at_most(found["rate"], 0.05, "of 200 histories"),
        "loop.alarm_rate_a_check": Figure(found["a_check"], "of 7,200 checks"),
        "loop.trigger_rate_weeks_as_they_came": Figure(found["as_they_came"], "of 20 histories"),
    }


def detection(folder: Path) -> dict[str, Figure]:
    """50 placements each, weeks as they came: found is triggered by the second check after, and not before."""
    found = _run(folder, "detection")
    return {
        "loop.detection_rate": at_least(min(found["shift"], found["swap"]), 0.9, "of 50 placements"),
        "loop.detection_rate_shift": at_least(found["shift"], 0.9, "of 50 placements"),
        "loop.detection_rate_swap": at_least(found["swap"], 0.9, "of 50 placements"),
        "loop.detection_too_early": Figure(found["too_early"], "of 100 placements"),
    }


def _run(folder: Path, what: str) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.loop.alarms", what]
    return dict(json.loads(measured(command, environ(published_state(folder))).stdout))


def _impressions() -> tuple[pd.DataFrame, Any]:
    """All impressions of the published cycle, and its click model."""
    from flows.context import open_cycle
    from infra import registry
    from infra.contracts import ImpressionFeatures

    cycle = open_cycle()
    fitted = registry.load(registry.tag_of("ctr", cycle.id))
    return cycle.generation.read(ImpressionFeatures, "impression_features"), fitted


def measure_false_alarms(histories: int = HISTORIES) -> dict[str, float]:
    from tests.benchmarks.loop import worlds

    year = worlds.Year.of(*_impressions())
    first = worlds.TRAINING + worlds.EVALUATION
    triggered, alarms = [], 0
    for seed in range(histories):
        world = worlds.draw(year, seed, permuted=True).learned()
        history = [worlds.judge(world, first + 1 + n, kinds=ALL) for n in range(CHECKS)]
        alarms += sum(check.is_alarm for each in history for check in each.values())
        triggered.append(any(d.asks for each in worlds.decided(history).values() for d in each))
    real = []
    for seed in range(histories // 10):
        begin = seed % (year.weeks - first - CHECKS + 1)
        world = worlds.draw(year, seed, begin, permuted=False).learned()
        history = [worlds.judge(world, first + 1 + n, kinds=ALL) for n in range(CHECKS)]
        real.append(any(d.asks for each in worlds.decided(history).values() for d in each))
    checks = histories * CHECKS * len(ALL)
    return {"rate": float(np.mean(triggered)), "a_check": alarms / checks, "as_they_came": float(np.mean(real))}


def measure_detection(samples: int = SAMPLES) -> dict[str, float]:
    """A version for each start, trained on the 26 weeks from there; 10 samples of households for each."""
    from models import ctr
    from tests.benchmarks.loop import worlds

    impressions, _ = _impressions()
    found: dict[str, list[bool]] = {"shift": [], "swap": []}
    early = []
    for start in STARTS:
        begin, origin = (worlds.MONDAY + n * worlds.WEEK for n in (start, start + worlds.TRAINING))
        past = impressions[impressions["shown_at"].between(begin, origin) & (impressions["label_known_at"] <= origin)]
        year = worlds.Year.of(impressions, ctr.train(past, ctr.Params()))
        for sample in range(samples):
            world = worlds.draw(year, 1_000 * start + sample, start, permuted=False).learned()
            change = worlds.TRAINING + worlds.EVALUATION
            for what in found:
                history = [_before(world, change, what)]
                for end in (change + 4, change + 8):
                    history.append(_after(world, end, what, sample))
                told = worlds.decided(history)
                early.append(any(each[0].is_on for each in told.values()))
                found[what].append(any(each[-1].asks and not each[0].is_on for each in told.values()))
    return {name: float(np.mean(each)) for name, each in found.items()} | {"too_early": float(np.mean(early))}


def _kinds(what: str) -> tuple[str, ...]:
    """What can see it: shifted features move no label, swapped labels no feature."""
    return ("data", "prediction") if what == "shift" else ("performance",)


def _before(world: Any, end: int, what: str) -> Any:
    from tests.benchmarks.loop import worlds

    return worlds.judge(world, end, kinds=_kinds(what))


def _after(world: Any, end: int, what: str, sample: int) -> Any:
    from tests.benchmarks.loop import worlds

    if what == "shift":
        seen = _shifted(world, world.between(end - 4, end, worlds.SETTING.rows))
    else:
        seen = _swapped(world.between(end - 4, end), np.random.default_rng(sample))
    return worlds.judge(world, end, seen, kinds=_kinds(what))


def _shifted(world: Any, rows: pd.DataFrame) -> pd.DataFrame:
    """Half a standard deviation more of what predictions depend on most, and what is said of that."""
    from models import ctr
    from tests.benchmarks.loop import worlds

    numbers = [name for name in world.reference if pd.api.types.is_numeric_dtype(world.reference[name])]
    top = max(numbers, key=lambda name: world.year.shares.get(name, 0.0))
    moved = rows.assign(**{top: rows[top] + SHIFT * world.reference[top].std()})
    return moved.assign(**{worlds._SAID: ctr.predict(world.year.fitted, moved)["click_probability"]})


def _swapped(rows: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
    """The click labels of two of the five largest departments, dealt out to each other's impressions.

    In the world that was sampled, in which an unclicked row stands for many: each department gets the other's click
    rate, whichever impressions they fall on, and is sampled as before, all clicks and one in so many of the others.
    """
    first, second = generator.choice(rows["department"].value_counts().index[:LARGEST], 2, replace=False)
    kept = [rows[~rows["department"].isin([first, second])]]
    parts = [rows[rows["department"] == name] for name in (first, second)]
    for own, other in (parts, parts[::-1]):
        weight = own["sampling_weight"].to_numpy(float)
        rate = float(other["clicked"].sum() / other["sampling_weight"].sum())
        stands_for = float(own.loc[~own["clicked"], "sampling_weight"].median())
        clicks = generator.poisson(rate * weight.sum())
        others = int((1 - rate) * weight.sum() / stands_for)
        for count, clicked in ((clicks, True), (others, False)):
            places = generator.choice(len(own), count, p=weight / weight.sum())
            label = {"clicked": clicked, "sampling_weight": 1.0 if clicked else stands_for}
            kept.append(own.take(places).assign(**label))
    return pd.concat(kept, ignore_index=True)


if __name__ == "__main__":
    measures = {"false_alarms": measure_false_alarms, "detection": measure_detection}
    print(json.dumps(measures[sys.argv[1]](*(int(given) for given in sys.argv[2:]))))
