"""One block: what was really shown after a cycle, asked of the services day by day, looked at every evening."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from flows.context import Cycle, Door, simulated
from flows.decision import Evidence, decide, scores_alone
from flows.replay import paired
from flows.replay import shown as impressions
from flows.replay.evidence import BEFORE, answered, arm_outcomes, failures, visits_of
from flows.replay.pieces import Pieces
from flows.replay.plan import Block
from flows.replay.service import Service, standing
from infra.experiments import Experiment, Experiments

METRIC = "click_rate"
# of an answer, what is kept under which name
_TOLD = {"prediction_id": "prediction_id", "version": "model", "answered": "variant", "value": "click_probability"}


@dataclass
class Known:
    """Days that have been asked about, as far back as evidence is wanted; read once each."""

    pieces: Pieces
    days: dict[pd.Timestamp, tuple[pd.DataFrame, pd.DataFrame]] = field(default_factory=dict)

    def add(self, block: int, day: pd.Timestamp) -> None:
        """A day's answers, as far as they are needed again, and what they came to by visit."""
        if day not in self.days:
            answers = pd.read_parquet(self.pieces.day(block, day))
            self.days[day] = answers[["visit", "shown_at", "variant", "failed"]], visits_of(answers)

    def have(self, earlier: Sequence[Block], since: pd.Timestamp) -> None:
        """Know the days of earlier blocks from an instant on, and none before: after a pause as without one."""
        self.days = {day: kept for day, kept in self.days.items() if day >= since}
        for block in earlier:
            for day, _ in block.days:
                if day >= since and self.pieces.day(block.number, day).exists():
                    self.add(block.number, day)

    def answers(self) -> list[pd.DataFrame]:
        return [answers for answers, _ in self.days.values()]

    def visits(self) -> pd.DataFrame:
        """Of all days, in order; there must be one."""
        return pd.concat([self.days[day][1] for day in sorted(self.days)], ignore_index=True)


@dataclass(frozen=True)
class Walk:
    """What days of a block need: its cycle, the service, the files, and whom to tell how far it is."""

    cycle: Cycle
    service: Service | None
    pieces: Pieces
    known: Known
    tell: Callable[[Block, int, str], None]

    @property
    def door(self) -> Door:
        return self.cycle.door


def wanted_since(door: Door, block: Block) -> pd.Timestamp:
    """How far back evidence is wanted: to the stretch before the experiment that runs, or that may start."""
    running = Experiments(door.ledger).running().get("ctr")
    began = min(block.since, pd.Timestamp(running.started_at)) if running is not None else block.since
    return (began - BEFORE).floor("D")


def walk(on: Walk, block: Block, shown: pd.DataFrame) -> None:
    """Ask about every day of a block, and look every evening at what is known by then.

    Promotions and shares count for what is shown after the look: the service is waited for. Without a service
    nothing is asked.
    """
    if on.service is not None:
        on.service.follow(on.door)
    for number, (since, until) in enumerate(block.days):
        if on.service is not None:
            of_day = shown[(shown["shown_at"] >= since) & (shown["shown_at"] < until)]
            if not on.pieces.day(block.number, since).exists():
                on.pieces.write(on.pieces.day(block.number, since), asked(on.cycle, on.service, of_day))
            on.known.add(block.number, since)
        before = standing(on.door)
        lines = look(on, block, since, until)
        if on.service is not None and standing(on.door) != before:
            on.service.follow(on.door)
        on.tell(block, number + 1, "; ".join(lines))


def asked(cycle: Cycle, service: Service, shown: pd.DataFrame) -> pd.DataFrame:
    """What the service says of each row, beside what came of it; no id of the company's.

    ``variant`` is the one that the customer was dealt, ``failed`` whether the champion had to stand in for it.
    """
    answers = [row for visit in service.ask(impressions.visits(shown)) for row in visit]
    told = pd.DataFrame({name: pd.Series([row[key] for row in answers]) for name, key in _TOLD.items()})
    kept = shown[["visit", "pseudonym", "shown_at", "label_known_at", "clicked", "weight"]].reset_index(drop=True)
    found = pd.concat([kept.assign(impression=impressions.digests(shown)), told.astype({"value": float})], axis=1)
    experiment = Experiments(cycle.door.ledger).running().get("ctr")
    dealt = _dealt(experiment, shown["customer_id"])
    found["variant"], found["propensity"] = ([deal[i] for deal in dealt] for i in range(2))
    found["failed"] = (found["variant"] == "challenger") & (found["answered"] == "champion")
    return found.assign(**_in_the_shadow(cycle, experiment, shown))


def _dealt(experiment: Experiment | None, customers: pd.Series) -> list[tuple[str, float]]:
    """Which variant each customer gets and how probable that was: the service's own arithmetic."""
    if experiment is None or experiment.is_shadow:
        return [("champion", 1.0)] * len(customers)
    deals = {customer: experiment.variant(customer) for customer in customers.unique()}
    return [deals[customer] for customer in customers]


def _in_the_shadow(cycle: Cycle, experiment: Experiment | None, shown: pd.DataFrame) -> dict[str, Any]:
    """What a challenger says that nobody hears, in batch: the service says the same (`compared.visits_of`)."""
    if experiment is None or not experiment.is_shadow or shown.empty:
        return {"shadow": None}
    try:
        known = impressions.features(cycle, shown)
        return {"shadow": impressions.click_probabilities(experiment.challenger, known).to_numpy()}
    except Exception:  # whatever it is, a challenger that fails has failed
        logging.getLogger(__name__).exception("%s could not score in the shadow", experiment.challenger)
        return {"shadow": None, "failed": True}


def look(on: Walk, block: Block, day: pd.Timestamp, until: pd.Timestamp) -> list[str]:
    """Judge every running experiment by what is known at the day's end, and act; what was decided, in words.

    Cut short, it is done again: of what was written down at an instant the first counts, and nothing is done twice.
    """
    noted = on.pieces.look(block.number, day)
    running = Experiments(on.door.ledger).running()
    if not running or noted.exists():
        return []
    decisions = []
    with simulated(until.to_pydatetime()):
        for _, experiment in sorted(running.items()):
            found = evidence(on, block, experiment, until)
            decisions += [decide(on.door, experiment, found)] if found is not None else []
    on.pieces.note(noted, {"at": until})
    return [decision["line"] for decision in decisions if decision["action"] != "stay"]


def evidence(on: Walk, block: Block, experiment: Experiment, until: pd.Timestamp) -> Evidence | None:
    """What is known of an experiment; None where nothing new can be known on this day.

    Labels of customers come with a cycle's marts: they are looked at on the first evening after it.
    """
    if scores_alone(experiment.model):
        scores = sorted(on.pieces.blocks.glob(f"*/{experiment.model}-pairs.parquet"))
        is_first = until == block.days[0][1]
        return paired.evidence(on.door, experiment, scores) if is_first else None
    if not on.known.days:  # nothing has been asked since it began, nor before
        return None
    outcomes = {METRIC: arm_outcomes(on.known.visits(), experiment, until)}
    known = on.known.answers()
    return Evidence(outcomes=outcomes, failures=failures(known, experiment), answered=answered(known, experiment))


def score_pairs(cycle: Cycle, block: Block, pieces: Pieces) -> None:
    """Let both versions of each such experiment score everybody, once a cycle."""
    for model, experiment in Experiments(cycle.door.ledger).running().items():
        path = pieces.block(block.number) / f"{model}-pairs.parquet"
        if scores_alone(model) and not path.exists():
            pieces.write(path, paired.scored(cycle, experiment))
