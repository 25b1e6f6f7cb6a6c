"""A log of predictions and reports, written as services do, and landed."""

from datetime import datetime, timedelta
from pathlib import Path

import orjson

from infra.intake import log_landing
from infra.keys import Keys, open_keys
from infra.outcomes import Outcome, Outcomes
from infra.settings import Settings
from infra.state import State
from tests.unit.infra.prediction_examples import ROW

NOW = datetime(2026, 3, 20)
OLD, NEW = "ctr:old", "ctr:new"


def at(day: int, hour: float = 12, month: int = 3) -> datetime:
    return datetime(2026, month, day) + timedelta(hours=hour)


class Log:
    """Writes predictions and reports as services do, and lands them."""

    def __init__(self, folder: Path) -> None:
        self.state = State(folder).open()
        self.keys: Keys = open_keys(Settings(state=folder), self.state)
        self.rows: list[dict] = []
        self._reports = 0

    def said(
        self, id_: str, who: str, when: datetime, share: float | None = None, to: str = "champion", **other
    ) -> None:
        """A prediction that was answered: by a variant of the step with that share, or outside of experiments.

        It is the only row of its request, unless ``request_id`` says otherwise.
        """
        chance = 1.0 if share is None else share if to == "challenger" else 1 - share
        given = {"variant": to, "version": NEW if to == "challenger" else OLD, "propensity": chance} | other
        row = ROW._replace(
            prediction_id=id_, request_id=f"of {id_}", pseudonym=who, predicted_at=f"{when.isoformat()}Z"
        )
        self.rows.append(row._asdict() | given)

    def came(
        self,
        id_: str,
        kind: str,
        when: datetime,
        revenue: float | None = None,
        reported: datetime | None = None,
        chance: float | None = None,
    ) -> None:
        self._reports += 1
        outcome = Outcome(f"o{self._reports:04d}", id_, kind, when, revenue, "key", chance)  # type: ignore[arg-type]
        reports = Outcomes(self.state.outcomes)
        reports.report([outcome], reported or when + timedelta(minutes=1))
        reports.close()

    def land(self) -> None:
        path = self.state.predictions / "1.jsonl"
        path.write_bytes(b"\n".join(map(orjson.dumps, self.rows)))
        log_landing.land(self.state, self.keys, NOW, [path])
