"""What services said beside what came of it, as a mart: as of any instant, of people who may be profiled alone."""

from datetime import datetime
from pathlib import Path

import orjson
import pandas as pd
import pytest

from infra import dbt, warehouse
from infra.contracts import PredictionOutcomes
from infra.intake import landing, log_landing
from infra.keys import open_keys
from infra.outcomes import Outcome, Outcomes
from infra.settings import load
from infra.sources.raw_table import RawTable
from infra.state import State
from infra.warehouse import Generation
from tests.small_state import PREDICTION

AS_OF = pd.Timestamp("2026-03-09")
SAID_AT = "2026-03-02T09:00:00Z"


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2026, 3, day, hour)


class Company:
    """Ann, Bob and Cyd bought something once, and Cyd may not be profiled."""

    def __init__(self, folder: Path) -> None:
        self.settings = load({}, folder, state=folder / "state")
        self.state = State(self.settings.state).open()
        self.keys = open_keys(self.settings, self.state)
        customers = "SELECT unnest(['ann', 'bob', 'cyd']) AS customer_id"
        tables = [
            RawTable("customers", f"SELECT *, customer_id <> 'cyd' AS consent_profiling FROM ({customers})"),
            RawTable(
                "orders", f"SELECT *, '2026-02-02' AS ordered_at, 5 AS amount, 'o' AS order_id FROM ({customers})"
            ),
        ]
        landing.land(self.state, self.keys, tables, "f", now=at(2, 8))

    def log(self, *rows: tuple[str, str, dict[str, object]]) -> None:
        said = [
            PREDICTION._replace(
                prediction_id=id_, pseudonym=self.keys.pseudonymise(who), predicted_at=SAID_AT, as_of=SAID_AT
            )._asdict()
            | changed
            for id_, who, changed in rows
        ]
        (self.state.predictions / "1.jsonl").write_bytes(b"\n".join(map(orjson.dumps, said)))

    def build(self) -> Generation:
        log_landing.land(self.state, self.keys, at(8), list(self.state.predictions.iterdir()))
        target = warehouse.start_generation(self.state, "g", AS_OF)
        with dbt.environment(self.state, target, self.keys.storage):
            dbt.run(dbt.build_arguments(self.settings))
            dbt.run(dbt.test_arguments(self.settings))
        return warehouse.finish(self.state, "g")


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company(tmp_path)


def test_predictions_stand_beside_what_was_known_to_have_come_of_them(company: Company) -> None:
    phone = {"product_id": "call +49 170 1234567", "request_id": "13812345678"}
    company.log(
        ("p1", "ann", {"value": 0.5, **phone}),
        ("p1", "ann", {"variant": "challenger", "is_answered": False, "propensity": 0.25}),
        ("p2", "bob", {}),
        ("p3", "bob", {}),
        ("of cyd", "cyd", {}),
        ("of a stranger", "dee", {}),
        ("later", "ann", {"predicted_at": "2026-03-09T00:00:00Z"}),
    )
    reports = Outcomes(company.state.outcomes)
    reports.report(
        [
            Outcome("o1", "p1", "shown", at(2, 10), None, "key1"),
            Outcome("o2", "p1", "converted", at(2, 11), 0.1, "key1"),
            Outcome("o3", "p1", "converted", at(2, 11), 0.2, "key1"),
            Outcome("o4", "p3", "clicked", at(2, 10), None, "key1"),
            Outcome("o5", "unknown", "clicked", at(2, 10), None, "key1"),
        ],
        at(3),
    )
    reports.report([Outcome("o6", "p1", "clicked", at(2, 10), None, "key1")], at(9))  # after as_of

    found = company.build().read(PredictionOutcomes, "prediction_outcomes")

    columns = ["prediction_id", "variant", "is_answered", "shown_at", "clicked", "converted", "revenue"]
    ann = [pd.Timestamp(at(2, 10)), False, True, 0.3]
    assert found[columns].astype(object).where(found[columns].notna(), None).values.tolist() == [
        ["p1", "challenger", False, *ann],
        ["p1", "champion", True, *ann],
        ["p2", "champion", True, None, None, None, None],
        ["p3", "champion", True, None, True, False, None],
    ]
    assert found["outcome_known_at"].tolist()[:2] == [pd.Timestamp(at(3))] * 2
    assert set(found["product_id"].dropna()) == {"call ****"}
    assert set(found["request_id"]) == {"r1", "****"}
    assert set(found["pseudonym"]) == {company.keys.pseudonymise(who) for who in ("ann", "bob")}


def test_without_a_log_the_mart_is_there_and_empty(company: Company) -> None:
    assert company.build().read(PredictionOutcomes, "prediction_outcomes").empty
