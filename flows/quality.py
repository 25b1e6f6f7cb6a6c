"""Quality: is what was landed good enough to act on? Verdicts warn, or stop the cycle before it builds anything."""

from dataclasses import asdict, fields
from typing import Any

import pandas as pd
from pandera.typing.pandas import DataFrame
from prefect import flow, task
from prefect.artifacts import create_table_artifact

from flows.context import Cycle, open_cycle
from infra import evidence
from infra.contracts import WeeklyRows
from infra.errors import AimloopError, did_you_mean
from infra.evidence import Evidence
from infra.sections import Quality
from infra.warehouse import checked
from monitoring import quality as judgements
from monitoring.quality import KINDS, QualityRule
from monitoring.verdict import Verdict

_RULE = [field.name for field in fields(QualityRule)]


@flow(name="quality")
def quality(cycle_id: str) -> dict[str, Any]:
    """Judge what was landed; the ledger and a table in the UI hold every verdict before one may stop the cycle.

    Raises:
        AimloopError: a judgement failed that is set to stop; nothing has been trained or published.
    """
    return judge_data(cycle_id)


@task
def judge_data(cycle_id: str) -> dict[str, Any]:
    """Verdicts into the ledger, then into the UI; then one of them may stop the cycle."""
    cycle = open_cycle(cycle_id)
    verdicts, result = judge_and_store(cycle)
    failed = [verdict for verdict in verdicts if not verdict.passed]
    create_table_artifact(
        key="data-quality",
        table=[asdict(verdict) for verdict in sorted(verdicts, key=lambda v: v.passed)],
        description=f"Data quality: {len(failed)} of {len(verdicts)} judgements failed.",
    )
    stop_for(failed, cycle.door.settings.quality)
    return result


def judge_and_store(cycle: Cycle) -> tuple[list[Verdict], dict[str, Any]]:
    """The judgements themselves: what the task wraps, and what can be called without Prefect.

    The result is recorded when the step ends well: volumes of data that stopped a cycle become nobody's trend.
    """
    setting = cycle.door.settings.quality
    refuse_unknown_names(setting)
    found = evidence.gather(cycle.door.state, cycle.door.keys, cycle.as_of)
    rule = QualityRule(**setting.model_dump(include=set(_RULE)))
    verdicts = judge(found, recorded_weeks(cycle), cycle.as_of, rule)
    for verdict in verdicts:
        cycle.door.ledger.store_verdict(cycle.id, asdict(verdict), None)
    return verdicts, {
        "line": _line(verdicts, found.not_brought),
        "not_brought": list(found.not_brought),
        "sample": _sample(cycle),
        "weeks": _as_record(found.weeks),
    }


def judge(found: Evidence, recorded: DataFrame[WeeklyRows], as_of: pd.Timestamp, rule: QualityRule) -> list[Verdict]:
    """Every judgement, in the order of their kinds."""
    return [
        *judgements.judge_null_rates(found.fields, rule),
        *judgements.judge_freshness(found.newest, as_of, rule),
        *judgements.judge_volume(found.weeks, recorded, rule),
        *judgements.judge_history(found.weeks, recorded, rule),
        *judgements.judge_references(found.references, rule),
        *judgements.judge_distributions(found.bins, rule),
    ]


def refuse_unknown_names(setting: Quality) -> None:
    """A stop that would never come is refused before it is relied on."""
    for name in setting.stop_on:
        if judgements.kind(name) not in KINDS:
            raise AimloopError(
                f"quality.stop_on names '{name}', which is no judgement of data quality",
                f"{did_you_mean(name, KINDS)}known: {', '.join(KINDS)}, "
                "or one of them with a table, such as freshness.orders",
            )


def stop_for(failed: list[Verdict], setting: Quality) -> None:
    """End the cycle if a failed judgement is set to do so.

    Raises:
        AimloopError: names the first that stops, and what to do.
    """
    stopping = [v for v in failed if judgements.does_stop(v, setting.on_failure, setting.stop_on)]
    if stopping:
        first, more = stopping[0], len(stopping) - 1
        others = f" (and {more} more: `aimloop status` lists them)" if more else ""
        raise AimloopError(
            f"data quality stops this cycle before training: {first.name}: {first.reason}{others}",
            f'{KINDS[judgements.kind(first.name)]}; quality.on_failure = "warn" goes on all the same',
        )


def recorded_weeks(cycle: Cycle) -> DataFrame[WeeklyRows]:
    """Rows a week as earlier cycles counted them; of a week that several counted, what the latest of them found."""
    earlier = cycle.door.ledger.earlier_results(cycle.id, "quality")
    records = [result["weeks"] for result in earlier if result["sample"] == _sample(cycle)]
    rows = [
        (table, week, count) for record in records for table, weeks in record.items() for week, count in weeks.items()
    ]
    frame = pd.DataFrame(rows, columns=["table_name", "week_at", "rows"]).drop_duplicates(["table_name", "week_at"])
    return checked(WeeklyRows, frame, "the ledger's weekly rows")


def _sample(cycle: Cycle) -> dict[str, Any]:
    """Volumes can be compared only where the same part of the data was taken."""
    return cycle.door.settings.model_dump(mode="json", include={"households", "negative_sampling"})


def _as_record(weeks: pd.DataFrame) -> dict[str, dict[str, int]]:
    dates = weeks.assign(week=weeks["week_at"].dt.strftime("%Y-%m-%d"))
    return {
        str(table): {week: int(n) for week, n in zip(own["week"], own["rows"], strict=True)}
        for table, own in dates.groupby("table_name", sort=False)
    }


def _line(verdicts: list[Verdict], not_brought: tuple[str, ...]) -> str:
    failed = [verdict.name for verdict in verdicts if not verdict.passed]
    holds = f"{len(verdicts) - len(failed)} of {len(verdicts)} judgements hold"
    warns = f"; warning: {', '.join(failed)}" if failed else ""
    absent = f"; not brought: {', '.join(not_brought)}" if not_brought else ""
    return holds + warns + absent
