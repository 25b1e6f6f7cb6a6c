"""Consent as it stood: who withdraws it is in no mart from then on, and still in those that look back before."""

from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pandas as pd
import pytest

from flows.context import Cycle
from flows.score import keep_history
from infra import dbt, warehouse
from infra.contracts import Scores
from infra.intake import landing
from infra.keys import Keys, open_keys
from infra.settings import Settings, load
from infra.sources.raw_table import RawTable
from infra.state import State
from infra.warehouse import Generation

THEN, LATER = pd.Timestamp("2017-03-13"), pd.Timestamp("2017-04-24")
CUSTOMERS = ("ann", "bob", "cyd", "dan", "eve")
CONSENT_TESTS = ("stg_people", "customer_consents", "marts_hold_nobody_without_consent")
# dan is in no table of customers: what they would answer is not known
FIRST_ANSWERS = {"ann": (True, True), "bob": (True, False), "cyd": (None, None), "eve": (True, True)}
LATER_ANSWERS = FIRST_ANSWERS | {"ann": (False, True), "bob": (True, True), "eve": (True, False)}


def tables(end: pd.Timestamp, answers: dict[str, tuple[bool | None, ...]] | None) -> list[RawTable]:
    """A year of weekly orders and impressions of every customer up to ``end``, and what they answered."""
    weeks = pd.date_range("2016-12-05 12:00", end, freq="7D")
    orders = pd.DataFrame([(c, week) for c in CUSTOMERS for week in weeks], columns=["customer_id", "ordered_at"])
    orders = orders.assign(order_id=orders.index.astype(str), amount=5.0, product_id="milk")
    impressions = orders.rename(columns={"ordered_at": "shown_at", "order_id": "impression_id"})
    impressions = impressions.assign(clicked=True, channel="mailer").drop(columns="amount")
    frames = {"orders": orders, "impressions": impressions}
    if answers is not None:
        columns = ["consent_marketing", "consent_profiling"]
        customers = pd.DataFrame.from_dict(answers, orient="index", columns=columns, dtype="boolean")
        frames["customers"] = customers.rename_axis("customer_id").reset_index()
    return [RawTable(name, f"FROM {name}_frame", frames={f"{name}_frame": frame}) for name, frame in frames.items()]


class Company:
    """A state folder into which exports are landed, and whose marts are built as of any instant."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.settings: Settings = load(environ, folder, state=folder / "state")
        self.state = State(self.settings.state).open()
        self.keys: Keys = open_keys(self.settings, self.state)

    def land(self, end: pd.Timestamp, answers: dict[str, tuple[bool | None, ...]] | None, now: datetime) -> None:
        landing.land(self.state, self.keys, tables(end, answers), "f", now=now)

    def build(self, name: str, as_of: pd.Timestamp, base: Generation | None = None) -> Generation:
        target = warehouse.start_generation(self.state, name, as_of, base=base)
        with dbt.environment(self.state, target, self.keys.storage):
            dbt.run(dbt.build_arguments(self.settings))
            dbt.run([*dbt.test_arguments(self.settings), "--select", *CONSENT_TESTS])
        return warehouse.finish(self.state, name)

    def people(self, generation: Generation) -> dict[str, set[str]]:
        """Whom each table of a generation knows, by the company's ids; as the columns called pseudonym say."""
        names = {self.keys.pseudonymise(customer): customer for customer in CUSTOMERS}
        columns = (
            "SELECT schema_name || '.' || table_name AS name FROM duckdb_columns() WHERE column_name = 'pseudonym'"
        )
        return {
            name: {names[p] for p in generation.query(f"SELECT DISTINCT pseudonym FROM {name}")["pseudonym"]}
            for name in generation.query(columns)["name"]
        }


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    company = Company(tmp_path_factory.mktemp("consent"))
    company.land(THEN, FIRST_ANSWERS, now=datetime(2017, 3, 13, 8))
    company.land(LATER, LATER_ANSWERS, now=datetime(2017, 4, 24, 8))
    return company


@pytest.fixture(scope="module")
def then(company: Company) -> Generation:
    return company.build("then", THEN)


@pytest.fixture(scope="module")
def later(company: Company, then: Generation) -> Generation:
    """Built on the earlier generation, as cycles are: what that holds of eve must not come along."""
    return company.build("later", LATER, base=then)


def test_looking_back_uses_those_who_had_consented_then(company: Company, then: Generation) -> None:
    known = company.people(then)
    assert {"staging.stg_orders", "marts.customer_features", "marts.impression_features"} <= set(known)
    assert known["marts.customer_consents"] == {"ann", "eve"}
    assert all(people <= {"ann", "eve"} for people in known.values())
    assert known["marts.churn_labels"] == known["marts.customer_profiles"] == {"ann", "eve"}


def test_who_withdrew_is_in_no_table_any_more_not_even_at_earlier_snapshots(
    company: Company, later: Generation
) -> None:
    known = company.people(later)
    assert all(people <= {"ann", "bob"} for people in known.values())
    assert known["marts.churn_labels"] == known["marts.impression_features"] == {"ann", "bob"}


def test_earlier_scores_of_who_withdrew_are_not_taken_over(
    company: Company, then: Generation, later: Generation
) -> None:
    def score(generation: Generation, *customers: str) -> None:
        pseudonyms = [company.keys.pseudonymise(customer) for customer in customers]
        known = {"cycle_id": generation.name, "as_of": THEN, "pseudonym": pseudonyms}
        scores = pd.DataFrame(known, columns=list(Scores.to_schema().columns))
        door = SimpleNamespace(state=company.state)
        keep_history(cast(Cycle, SimpleNamespace(id=generation.name, generation=generation, door=door)), scores)

    score(then, "ann", "eve")
    warehouse.publish(company.state, "then")
    score(later, "ann", "bob")

    scores = later.query("SELECT cycle_id, pseudonym FROM marts.scores ORDER BY ALL")
    assert sorted(scores["cycle_id"]) == ["later", "later", "then"]
    assert company.people(later)["marts.scores"] == {"ann", "bob"}


def test_who_may_be_sent_offers_goes_by_the_answer_of_the_time(
    company: Company, then: Generation, later: Generation
) -> None:
    ann = company.keys.pseudonymise("ann")
    allowed = [
        generation.query("SELECT may_receive_marketing FROM marts.customer_consents WHERE pseudonym = $p", p=ann)
        for generation in (then, later)
    ]
    assert [bool(answer.iat[0, 0]) for answer in allowed] == [True, False]


def test_no_answer_about_consent_is_a_feature(later: Generation) -> None:
    for table in ("customer_features", "customer_profiles", "churn_examples", "impression_features"):
        columns = later.query(f"SELECT * FROM marts.{table} LIMIT 0").columns
        assert not [column for column in columns if "consent" in column or "marketing" in column]


@pytest.mark.parametrize(
    ("answers", "silence", "expected"),
    [(None, "denied", set(CUSTOMERS)), (FIRST_ANSWERS, "granted", {"ann", "cyd", "dan", "eve"})],
    ids=["never asked", "silence is consent"],
)
def test_silence_means_what_the_settings_say_and_nothing_where_nobody_asks(
    tmp_path: Path, answers: dict[str, tuple[bool | None, ...]] | None, silence: str, expected: set[str]
) -> None:
    company = Company(tmp_path, AIMLOOP_PRIVACY__UNANSWERED_CONSENT=silence)
    company.land(THEN, answers, now=datetime(2017, 3, 13, 8))
    target = warehouse.start_generation(company.state, "g", THEN)
    with dbt.environment(company.state, target, company.keys.storage):
        dbt.run([*dbt.build_arguments(company.settings), "--select", "customer_consents", "stg_orders"])
    assert company.people(warehouse.finish(company.state, "g")) == {
        "marts.customer_consents": expected,
        "staging.stg_orders": expected,
    }
