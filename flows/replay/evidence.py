"""What is known of a running experiment at an instant of the replay: outcomes that would have arrived by then."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import numpy as np
import pandas as pd
from pandera.typing.pandas import DataFrame

from infra.experiments import Experiment
from infra.loop_contracts import ArmOutcomes
from models.metrics import log_loss_rows
from models.replay.picks import PICKS, by_visit, taken

BEFORE = pd.Timedelta(days=28)  # the stretch that tells customers apart before the experiment
SERVED = "served"


def visits_of(answers: pd.DataFrame) -> pd.DataFrame:
    """A row a visit of a day's answers: what its arm's ten picks were worth, and how surprised its version was."""
    columns = {name: answers[name].to_numpy() for name in ("visit", "value", "clicked", "weight")}
    reward = taken(columns["visit"], columns["value"], columns["clicked"], columns["weight"])
    losses = log_loss_rows(columns["clicked"], columns["value"])
    found = by_visit(answers, {SERVED: reward}, {SERVED: losses})
    first = answers.groupby("visit", sort=True)[["variant", "version", "propensity"]].first().reset_index()
    return found.merge(first, on="visit")


def arm_outcomes(visits: pd.DataFrame, experiment: Experiment, until: pd.Timestamp) -> DataFrame[ArmOutcomes]:
    """How many of ten picks were taken, by customer, step and variant, of visits whose outcome is known at ``until``.

    Units are picks made (ten a visit). ``before_…`` are the same of the 28 days before anyone got the challenger.
    """
    known = visits[visits["label_known_at"] <= until]
    steps = np.array([step.since for step in experiment.steps], dtype="datetime64[us]")
    begins = next((step.since for step in experiment.steps if step.share > 0), None)
    shown_at = known["shown_at"]
    if begins is None:
        during, earlier = known.head(0), known.head(0)
    else:
        during = known[shown_at >= begins]
        earlier = known[(shown_at < begins) & (shown_at >= begins - BEFORE)]
    place = np.searchsorted(steps, during["shown_at"].to_numpy(dtype="datetime64[us]"), side="right") - 1
    keyed = during.assign(step=place, units=float(PICKS), reward=during[f"reward_{SERVED}"])
    summed = keyed.groupby(["pseudonym", "step", "variant"], as_index=False)[["units", "reward"]].sum()
    before = earlier.assign(before_units=float(PICKS), before_reward=earlier[f"reward_{SERVED}"])
    before = before.groupby("pseudonym", as_index=False)[["before_units", "before_reward"]].sum()
    return ArmOutcomes.validate(summed.merge(before, on="pseudonym", how="left"))


def failures(answers: Iterable[pd.DataFrame], experiment: Experiment) -> tuple[int, int]:
    """Visits, a request each, of which the challenger could not answer a row, of how many it was asked about."""
    asked = _asked(answers, experiment, experiment.started_at)
    return int(asked.sum()), len(asked)


def answered(answers: Iterable[pd.DataFrame], experiment: Experiment) -> int:
    """Visits that the challenger has answered at its present share; in the shadow, that it scored."""
    return int((~_asked(answers, experiment, experiment.steps[-1].since)).sum())


def _asked(answers: Iterable[pd.DataFrame], experiment: Experiment, since: datetime) -> pd.Series:
    """Whether the challenger failed, of each visit it was asked about; in the shadow it is asked about all."""
    found = []
    for day in answers:
        its = day[(day["shown_at"] >= since) & (experiment.is_shadow | (day["variant"] == "challenger"))]
        found.append(its.groupby("visit")["failed"].any())
    return pd.concat(found).astype(bool) if found else pd.Series(dtype=bool)


def known_facts(outcomes: Mapping[str, pd.DataFrame]) -> dict[str, int]:
    """How much there is, for people."""
    return {name: int(frame["pseudonym"].nunique()) for name, frame in outcomes.items()}
