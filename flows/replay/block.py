"""One block: what was really shown after a cycle, asked of the services day by day, looked at every evening."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

from flows.context import Cycle, Door, simulated
from flows.decision import Evidence, decide, scores_alone
from flows.replay import paired
from flows.replay import shown as impressions
from flows.replay.evidence import BEFORE, arm_outcomes, failures, visits_of
from flows.replay.pieces import Pieces
from flows.replay.plan import Block
from flows.replay.service import Service, standing
from infra.experiments import Experiment, Experiments

METRIC = "click_rate"
_TOLD = ["prediction_id", "version", "variant", "value"]


@dataclass
class Known:
    """Days that have been asked about, as far back as evidence is wanted; read once each."""

    pieces: Pieces
    days: dict[pd.Timestamp, tuple[pd.DataFrame, pd.DataFrame]] = field(default_factory=dict)

    def add(self, block: int, day: pd.Timestamp) -> pd.DataFrame:
        """A day's answers; what they came to by visit is kept beside them."""
        if day not in self.days:
            answers = pd.read_parquet(self.pieces.day(block, day))
            self.days[day] = answers, visits_of(answers)
        return self.days[day][0]

    def forget(self, before: pd.Timestamp) -> None:
        self.days = {day: kept for day, kept in self.days.items() if day >= before}

    def answers(self) -> list[pd.DataFrame]:
        return [answers for answers, _ in self.days.values()]

    def visits(self) -> pd.DataFrame:
        """Of all days, in order; there is at least one where ctr has an experiment."""
        return pd.concat([self.days[day][1] for day in sorted(self.days)], ignore_index=True)


@dataclass(frozen=True)
class Walk:
    """What days of a block need: the door, the service, the files, and whom to tell how far it is."""

    door: Door
    service: Service | None
    pieces: Pieces
    known: Known
    tell: Callable[[Block, int, str], None]


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
                on.pieces.write(on.pieces.day(block.number, since), asked(on.door, on.service, of_day))
            on.known.add(block.number, since)
        before = standing(on.door)
        lines = look(on, block, since, until)
        if on.service is not None and standing(on.door) != before:
            on.service.follow(on.door)
        on.tell(block, number + 1, "; ".join(lines))
    on.known.forget(block.since - BEFORE)


def asked(door: Door, service: Service, shown: pd.DataFrame) -> pd.DataFrame:
    """What the service says of each row, beside what came of it; no id of the company's."""
    answers = [row for visit in service.ask(impressions.visits(shown)) for row in visit]
    told = pd.DataFrame(
        {
            "prediction_id": [row["prediction_id"] for row in answers],
            "version": [row["model"] for row in answers],
            "variant": [row["variant"] for row in answers],
            "value": [row["click_probability"] for row in answers],
        },
        columns=_TOLD,
    ).astype({"value": float})
    kept = shown[["visit", "pseudonym", "shown_at", "label_known_at", "clicked", "weight"]].reset_index(drop=True)
    kept = kept.assign(impression=impressions.digests(shown))
    return pd.concat([kept, told.assign(propensity=_propensities(door, shown))], axis=1)


def _propensities(door: Door, shown: pd.DataFrame) -> list[float]:
    """How probable the variant was that each customer got: the service's own arithmetic (`infra.experiments`)."""
    experiment = Experiments(door.ledger).running().get("ctr")
    if experiment is None or experiment.is_shadow:
        return [1.0] * len(shown)
    chances = {id_: experiment.variant(id_)[1] for id_ in shown["customer_id"].unique()}
    return [chances[id_] for id_ in shown["customer_id"]]


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
    outcomes = {METRIC: arm_outcomes(on.known.visits(), experiment, until)}
    return Evidence(outcomes=outcomes, failures=failures(on.known.answers(), experiment))


def score_pairs(cycle: Cycle, block: Block, pieces: Pieces) -> None:
    """Let both versions of each such experiment score everybody, once a cycle."""
    for model, experiment in Experiments(cycle.door.ledger).running().items():
        path = pieces.block(block.number) / f"{model}-pairs.parquet"
        if scores_alone(model) and not path.exists():
            pieces.write(path, paired.scored(cycle, experiment))
