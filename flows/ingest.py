"""Ingest: the source's tables into the raw zone, unless it holds these very data already, and the services' log."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_table_artifact

from flows.context import Door, data_fingerprint, now, open_door
from infra.errors import AimloopError
from infra.intake import landing, log_landing, prediction_files, raw_zone
from infra.intake.log_landing import Landed
from infra.intake.raw_zone import Landing
from infra.sources import catalog as sources


def _is_passing(_: Any, __: Any, state: Any) -> bool:
    """Retry what may pass (a network, a locked file), not what the user has to mend."""
    return not isinstance(state.result(raise_on_failure=False), AimloopError)


@task(retries=2, retry_delay_seconds=5, retry_condition_fn=_is_passing, persist_result=False)
def land_tables(source: str) -> list[Landing]:
    """Land every table of the source and set aside what breaks its contract."""
    return land(open_door(source=source))


def land(door: Door) -> list[Landing]:
    """Land what the source holds; data that the raw zone holds already are left alone."""
    fingerprint = data_fingerprint(door)
    known = raw_zone.landed(door.state, door.keys, fingerprint)
    if known is not None:
        return known
    source = sources.find(door.settings.source)
    tables = source.tables(door.settings)
    settings = door.settings
    return landing.land(door.state, door.keys, tables, fingerprint, settings.cleaning, settings.privacy, now())


def land_log(door: Door, *, open_too: bool = False) -> dict[str, Landed]:
    """Land what services have logged, in files that are closed or left behind, and what applications have reported.

    ``open_too``: files that are being written as well; their writers let go of them and go on in others.
    """
    folder = door.state.predictions
    try:
        files = prediction_files.every(folder) if open_too else prediction_files.free(folder)
    except AimloopError:  # a service whose disk hangs keeps its own file
        files = prediction_files.free(folder)
    return log_landing.land(door.state, door.keys, now(), files)


@flow(name="ingest")
def ingest(source: str) -> dict[str, Any]:
    """Land the source and report rows read = accepted + quarantined + suppressed."""
    landings = land_tables(source)
    door = open_door(source=source)
    rows = {table.table_name: table.counts() for table in landings}
    reasons = raw_zone.quarantine_reasons(door.state, door.keys).to_dict("records")
    rules = raw_zone.rules_applied(door.state, door.keys).to_dict("records")
    synthetic = {table.table_name: list(table.synthetic) for table in landings if table.synthetic}
    create_table_artifact(
        key="landed-rows",
        table=[{"table": name, **counts} for name, counts in rows.items()],
        description="Rows per table: read = accepted + quarantined + suppressed.",
    )
    kinds = ("read", "accepted", "quarantined", "suppressed")
    read, accepted, aside, erased = (sum(counts[kind] for counts in rows.values()) for kind in kinds)
    line = f"{read:,} rows read, {accepted:,} accepted, {aside:,} in quarantine"
    line += f", {erased:,} suppressed" if erased else ""
    logged = land_log(door)
    line += _told(logged)
    log = {name: asdict(landed) for name, landed in logged.items()}
    return {"line": line, "rows": rows, "log": log, "quarantine": reasons, "rules": rules, "synthetic": synthetic}


def _told(logged: Mapping[str, Landed]) -> str:
    """Of the log, the tables that got rows."""
    parts = []
    for name, landed in logged.items():
        aside = f" ({landed.quarantined:,} more in quarantine)" if landed.quarantined else ""
        parts += [f"; {landed.accepted:,} {name}{aside}"] if landed.read else []
    return "".join(parts)
