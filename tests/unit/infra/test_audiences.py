"""Audiences: who matches, who is left out and why, in which order, and what a condition cannot reach."""

from collections.abc import Iterator
from datetime import datetime

import pandas as pd
import pytest
from landing_examples import table_of

from infra.audiences import Audiences, Choice, Condition, contact_columns
from infra.errors import AimloopError
from infra.intake.landing import land
from infra.keys import Keys
from infra.state import State
from infra.warehouse import EngineError, Generation, finish, start_generation

KEYS = Keys(storage="a storage key", pseudonym=b"a pseudonym key")
AS_OF = pd.Timestamp("2017-12-04")

# who, their answer about marketing at as_of and since, phone, e-mail, segment, churn probability
PEOPLE = [
    ("ann", True, True, "13812341234", "ann@example.com", "loyal", 0.9),
    ("bob", True, True, None, "bob@example.com", "loyal", 0.8),
    ("cyd", True, True, "13812345678", " ", "loyal", 0.7),
    ("dan", False, True, "13812340000", "dan@example.com", "loyal", 0.6),
    ("eve", True, False, "13812341111", "eve@example.com", "loyal", 0.5),
    ("fay", True, None, "13812342222", "fay@example.com", "loyal", 0.4),
    ("gus", True, True, "13812343333", "gus@example.com", "lost", None),
    ("hal", True, True, "13812344444", "hal@example.com", "loyal", 0.2),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[State, Generation]:
    """A raw zone that has never heard of hal, with answers that changed after as_of, and a generation."""
    state = State(tmp_path_factory.mktemp("audiences") / "state").open()
    known = [person for person in PEOPLE if person[0] != "hal"]
    columns = ["customer_id", "consent_marketing", "phone", "email", "landed_at", "name"]
    for at, answer in ((AS_OF, 1), (AS_OF + pd.Timedelta(days=1), 2)):
        rows = [(p[0], p[answer], p[3], p[4], str(at), f"{p[0]} smith") for p in known]
        land(state, KEYS, [table_of("customers", columns, *rows)], "f", now=datetime(2018, 1, 1))
    generation = start_generation(state, "c2", AS_OF)
    generation.execute("CREATE SCHEMA marts")
    values = ", ".join(
        f"('{KEYS.pseudonymise(name)}', '{segment}', {churn or 'NULL'}, {then}, {position})"
        for position, (name, then, _, _, _, segment, churn) in enumerate(PEOPLE)
    )
    rows = f"(VALUES {values}) t(pseudonym, segment, churn_probability, may, orders_28d)"
    score = "pseudonym, segment, '555' AS rfm, churn_probability, 'low' AS risk_band, NULL::VARCHAR AS best_products"
    score += ", 12.5 AS expected_revenue_90d"  # and no interval: a cycle of older code says less
    at = f"TIMESTAMP '{AS_OF}'"
    for cycle in ("c1", "c2"):  # a cycle before has scores too
        verb = "CREATE TABLE marts.scores AS" if cycle == "c1" else "INSERT INTO marts.scores"
        generation.execute(f"{verb} SELECT '{cycle}' AS cycle_id, {at} AS as_of, {score} FROM {rows}")
    generation.execute(
        f"CREATE TABLE marts.customer_profiles AS SELECT pseudonym, {at} AS snapshot_at, orders_28d, "
        f"orders_28d AS customer_orders_28d, orders_28d > 3 AS attr_club FROM {rows}"
    )
    generation.execute(
        f"CREATE TABLE marts.customer_consents AS SELECT pseudonym, may AS may_receive_marketing FROM {rows}"
    )
    return state, finish(state, "c2")


@pytest.fixture
def audiences(world: tuple[State, Generation]) -> Iterator[Audiences]:
    with Audiences.open(world[0], KEYS, world[1], silence_is_consent=False) as opened:
        yield opened


def chosen(audiences: Audiences, where: str, **condition: object) -> list[str]:
    return audiences.select(Condition(where, **condition)).rows["customer_id"].tolist()  # type: ignore[arg-type]


def test_everyone_who_matches_is_chosen_or_accounted_for(audiences: Audiences) -> None:
    found = audiences.select(
        Condition("segment = 'loyal'", limit=1, order_by="churn_probability desc", address="email")
    )

    assert (found.matched, found.not_known, found.without_consent, found.without_address) == (7, 1, 3, 1)
    assert (found.beyond_limit, found.chosen) == (1, 1)
    assert found.rows.to_dict("records") == [
        {
            "customer_id": "ann",
            "segment": "loyal",
            "rfm": "555",
            "churn_probability": 0.9,
            "risk_band": "low",
            "expected_revenue_90d": 12.5,
            "best_products": None,
        }
    ]


def test_consent_must_have_stood_at_the_cycle_and_must_stand_now(
    audiences: Audiences, world: tuple[State, Generation]
) -> None:
    """dan consented only after the cycle, eve withdrew since, fay's answer is empty now."""
    assert sorted(chosen(audiences, "true")) == ["ann", "bob", "cyd", "gus"]
    with Audiences.open(world[0], KEYS, world[1], silence_is_consent=True) as lenient:
        assert sorted(chosen(lenient, "true")) == ["ann", "bob", "cyd", "fay", "gus"]


@pytest.mark.parametrize(
    ("address", "names"),
    [("email", ["ann", "bob", "gus"]), ("phone", ["ann", "cyd", "gus"]), (None, ["ann", "bob", "cyd", "gus"])],
)
def test_a_channel_needs_its_address(audiences: Audiences, address: str | None, names: list[str]) -> None:
    assert sorted(chosen(audiences, "true", address=address)) == names


def test_those_who_come_first_are_within_the_limit(audiences: Audiences) -> None:
    assert chosen(audiences, "true", order_by="churn_probability", limit=2) == ["cyd", "bob"]
    assert chosen(audiences, "true", order_by="segment, churn_probability desc", limit=2) == ["gus", "ann"]
    assert chosen(audiences, "true", limit=2) == chosen(audiences, "true")[:2]


def test_attributes_and_features_may_be_asked_for(audiences: Audiences) -> None:
    assert sorted(chosen(audiences, "attr_club or orders_28d between 1 and 1")) == ["bob", "gus"]


def test_contact_details_come_along_only_when_asked_for(audiences: Audiences) -> None:
    rows = audiences.select(Condition("true", contact=contact_columns("sms"))).rows

    assert rows.columns[:4].tolist() == ["customer_id", "name", "phone", "segment"]
    assert rows.set_index("customer_id").loc["ann", "phone"] == "13812341234"
    assert contact_columns("email") == ("name", "email")
    assert contact_columns(None) == contact_columns("mailer") == ("name", "phone", "email")


def test_the_columns_are_listed_with_values_to_ask_for(audiences: Audiences) -> None:
    choices = {choice.column: choice for choice in audiences.choices()}

    assert choices["segment"] == Choice("segment", "VARCHAR", ("'loyal' (7)", "'lost' (1)"), 0)
    assert choices["churn_probability"].values == ("0.2", "0.6", "0.9")
    assert choices["attr_club"].values == ("False (4)", "True (4)")
    assert not {"pseudonym", "cycle_id", "snapshot_at", "customer_orders_28d"} & set(choices)


def test_of_many_values_some_are_shown(world: tuple[State, Generation], audiences: Audiences) -> None:
    audiences.connection.execute(
        "CREATE OR REPLACE TEMP VIEW candidates AS SELECT CAST(range AS VARCHAR) AS city FROM range(20)"
    )
    (choice,) = audiences.choices()
    assert choice == Choice("city", "VARCHAR", ("'0' (1)", "'1' (1)", "'10' (1)"), 17)


@pytest.mark.parametrize(
    ("where", "order_by", "what", "remedy"),
    [
        ("segmnt = 'x'", None, "--where: there is no column 'segmnt'", "did you mean 'segment'?"),
        ("true", "churn desc", "--order-by: there is no column 'churn'", "'churn_probability'"),
        ("pseudonym = 'x'", None, "--where: there is no column 'pseudonym'", "columns: "),
        ("churn_probability", None, "is no condition, its values are of type decimal", "compare it with something"),
        ("segment", None, "is no condition, its values are of type varchar", "compare it with something"),
        ("segment + 1 = 2", None, "--where: Binder Error", "compare texts with texts"),
        ("segment = 3", None, "a customer's value does not fit it", "compare texts with texts"),
    ],
)
def test_a_condition_that_does_not_fit_is_explained(
    audiences: Audiences, where: str, order_by: str | None, what: str, remedy: str
) -> None:
    with pytest.raises(AimloopError) as caught:
        audiences.select(Condition(where, order_by))
    assert what in caught.value.what
    assert remedy in caught.value.remedy
    assert "loyal" not in str(caught.value)  # no customer's value


@pytest.mark.parametrize(
    "sql",
    [
        "FROM read_text('/etc/hostname')",
        "COPY (SELECT 1) TO '/tmp/audience-stolen.csv'",
        "ATTACH '/tmp/audience-other.duckdb'",
        "SET enable_external_access = true",
        "SET memory_limit = '1TB'",
        "DELETE FROM raw.customers",
        "DELETE FROM warehouse.marts.scores",
    ],
)
def test_even_a_condition_that_slipped_through_could_do_no_harm(audiences: Audiences, sql: str) -> None:
    with pytest.raises(EngineError):
        audiences.connection.execute(sql)


def test_a_generation_without_consents_is_refused(state: State, marts: Generation) -> None:
    land(state, KEYS, [], "f")
    with (
        pytest.raises(AimloopError, match="holds no customer_consents"),
        Audiences.open(state, KEYS, marts, silence_is_consent=False),
    ):
        pass
