"""Evidence: what the log and the marts say of a running experiment, as judges read it."""

from datetime import datetime, timedelta

import pandas as pd

from flows.context import Door, horizon_days
from flows.decision import Evidence, scores_alone
from infra import later_labels, warehouse
from infra.experiment_evidence import Attribution, Logged, answered, arms, failures, scored_by_both
from infra.experiments import Experiment
from infra.loop_contracts import ArmOutcomes, PairedLosses
from infra.off_policy_evidence import first_choices
from infra.warehouse import checked
from models import catalog
from models.metrics import loss_rows
from monitoring.first_choices import in_words

# of each metric the columns that make its units (None: a customer is one) and its reward
_METRICS: dict[str, tuple[str | None, str]] = {
    "click_rate": ("seen", "clicked"),
    "conversion": (None, "purchases"),
    "revenue_per_customer": (None, "revenue"),
}


def evidence_of(door: Door, experiment: Experiment, now: datetime) -> Evidence:
    """What has landed and been published by now."""
    failed = failures(door.state, door.keys, experiment, now)
    if scores_alone(experiment.model):
        return _paired(door, experiment, failed, now)
    settings = door.settings.experiments
    rule = Attribution(
        days=settings.attribution_days,
        before_days=settings.before_days,
        of_shown=settings.clicks_of == "shown",
    )
    logged = arms(door.state, door.keys, experiment, rule, now)
    outcomes = {name: outcomes_of(logged.customers, name) for name in _METRICS}
    told: set[str] = {name for name, rows in outcomes.items() if name == settings.metric or rows["reward"].any()}
    return Evidence(
        outcomes={name: rows for name, rows in outcomes.items() if name in told} if len(logged.customers) else {},
        failures=failed,
        answered=answered(door.state, door.keys, experiment, now),
        notes=(
            *_notes(logged, [name for name in settings.guardrails if name not in told]),
            *_of_chance(door, experiment, timedelta(days=rule.days), now),
        ),
    )


def outcomes_of(customers: pd.DataFrame, metric: str) -> pd.DataFrame:
    """One metric of every customer that a variant answered (`infra.experiment_evidence.Logged.customers`)."""
    units, reward = _METRICS[metric]
    found = customers[["pseudonym", "step", "variant"]].copy()
    for prefix in ("", "before_"):
        had = customers[f"{prefix}{reward}"].astype(float)
        if metric == "conversion":
            had = had.clip(upper=1)
        found[f"{prefix}reward"] = had
        found[f"{prefix}units"] = customers[f"{prefix}{units}"].astype(float) if units else had.notna().astype(float)
    found["before_units"] = found["before_units"].where(found["before_reward"].notna())
    return checked(ArmOutcomes, found, metric, in_place=True)


def _notes(logged: Logged, silent: list[str]) -> tuple[str, ...]:
    ahead = (
        f"{logged.clocks_ahead:,} outcomes came from clocks that are ahead: the report's instant counts"
        if logged.clocks_ahead
        else ""
    )
    absent = f"guardrails of which nothing is reported: {', '.join(silent)}" if silent else ""
    notes = (logged.predictions.words("predictions"), logged.outcomes.words("reported outcomes"), ahead, absent)
    return tuple(filter(None, notes))


def _of_chance(door: Door, experiment: Experiment, window: timedelta, now: datetime) -> tuple[str, ...]:
    """What can be told of the challenger's choices without letting it choose; nothing where no chance is reported."""
    choices = first_choices(door.state, door.keys, experiment, window, now)
    if not choices.requests.total:
        return ()
    return (f"{in_words(choices.rows)}; {choices.requests.words('requests with a reported chance')}",)


def _paired(door: Door, experiment: Experiment, failed: tuple[int, int], now: datetime) -> Evidence:
    return of_pairs(door, experiment, scored_by_both(door.state, door.keys, experiment, now), failed)


def of_pairs(door: Door, experiment: Experiment, pairs: pd.DataFrame, failed: tuple[int, int]) -> Evidence:
    """Losses as far as the published marts know outcomes; ``pairs``: pseudonym, as_of, champion, challenger."""
    generation = warehouse.published(door.state)
    if pairs.empty or generation is None:
        return Evidence(failures=failed, notes=("no customer has been scored by both versions yet",))
    horizon = horizon_days(door.settings, experiment.model)
    known = later_labels.labels(generation, [instant.to_pydatetime() for instant in pairs["as_of"].unique()], horizon)
    both = pairs.merge(known, on=["pseudonym", "as_of"])
    note = (
        f"{len(both):,} of {len(pairs):,} rows that both versions scored have an outcome by now "
        f"({horizon} days after the profile), of {both['pseudonym'].nunique():,} customers"
    )
    if both.empty:
        return Evidence(failures=failed, notes=(note,))
    return Evidence(losses=_losses_of(both, experiment.model), failures=failed, notes=(note,))


def _losses_of(both: pd.DataFrame, model: str) -> pd.DataFrame:
    """Each row's loss with either version."""
    entry = catalog.MODELS[model]
    actual = both[entry.outcome].to_numpy(dtype=float)
    losses = {
        f"{variant}_loss": loss_rows(entry.loss, actual, both[variant].to_numpy(dtype=float))
        for variant in ("champion", "challenger")
    }
    return checked(PairedLosses, both[["pseudonym"]].assign(weight=1.0, **losses), "losses", in_place=True)
