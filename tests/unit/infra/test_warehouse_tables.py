"""Tables of a generation: read in order and checked, replaced in part, inherited once."""

import os
import subprocess
import sys
from datetime import datetime

import pandas as pd
import pytest

from infra import warehouse
from infra.contracts import ChannelResults, Contract, CustomerFeatures, Scores, required
from infra.errors import AimloopError
from infra.state import State
from infra.warehouse import EngineError, Generation


class SomeFeatures(Contract):
    """In the order of the whole contract."""

    tenure_days: float = required()

    class Config:
        metadata = CustomerFeatures.Config.metadata


# ── reading ───────────────────────────────────────────────────────────────────────────────────


def test_a_mart_comes_with_its_contracts_types_and_its_attributes(marts: Generation) -> None:
    frame = marts.read(ChannelResults, "channel_results")

    assert (frame["contacts"].dtype, frame["clicks"].dtype) == ("Int64", "float64")
    assert dict(zip(frame["channel"], frame["attr_colour"], strict=True)) == {"mailer": "a", "display": "b"}


def test_a_mart_comes_in_the_order_of_its_key(marts: Generation) -> None:
    assert marts.read(ChannelResults, "channel_results")["channel"].tolist() == ["display", "mailer"]

    frame = marts.read(Scores, "scores")
    assert list(zip(frame["cycle_id"], frame["pseudonym"], strict=True)) == stored(marts)


def test_a_mart_can_be_read_in_part(marts: Generation) -> None:
    frame = marts.read(ChannelResults, "channel_results", "channel = $channel", channel="display")

    assert frame["clicks"].tolist() == [1.0]


@pytest.mark.parametrize(
    ("breach", "column"),
    [
        ("UPDATE marts.channel_results SET clicks = -1 WHERE channel = 'mailer'", "clicks"),
        ("UPDATE marts.channel_results SET channel = 'mailer'", "channel"),
        ("UPDATE marts.channel_results SET impressions = NULL", "impressions"),
        ("ALTER TABLE marts.channel_results DROP COLUMN responses", "responses"),
        ("ALTER TABLE marts.channel_results ALTER contacts TYPE VARCHAR USING 'many'", "contacts"),
        ("ALTER TABLE marts.channel_results DROP COLUMN channel", "channel"),
    ],
)
def test_a_breach_of_contract_names_the_table_and_the_column(marts: Generation, breach: str, column: str) -> None:
    marts.execute(breach)

    with pytest.raises(AimloopError) as caught:
        marts.read(ChannelResults, "channel_results")

    assert caught.value.what.startswith("marts.channel_results breaks its contract ChannelResults: ")
    assert column in caught.value.what
    assert caught.value.remedy == "see ChannelResults in infra/contracts.py"


def test_rows_come_in_an_order_that_does_not_depend_on_the_pseudonym_key(tmp_path) -> None:
    """The same customers under another key: models are given the same rows in the same order."""
    told = []
    for generation, key in (("one", "ab"), ("two", "ba")):
        state = State(tmp_path / generation).open()
        with warehouse.engine(tmp_path / f"{generation}-spill", state.warehouse / f"{generation}.duckdb") as connection:
            connection.execute("CREATE SCHEMA marts")
            connection.execute(
                f"""CREATE TABLE marts.customer_features AS
                    SELECT '{key}'[i] AS pseudonym, TIMESTAMP '2017-12-18' AS snapshot_at, 9.0 - i AS tenure_days,
                           i AS days_since_last_order, 1 AS orders_total, 5.0 AS amount_total
                    FROM range(1, 3) t(i)"""
            )
        told.append(warehouse.generation(state, generation).read(SomeFeatures, "customer_features"))
    assert [frame["tenure_days"].tolist() for frame in told] == [[7.0, 8.0], [7.0, 8.0]]
    assert [frame["pseudonym"].tolist() for frame in told] == [["b", "a"], ["a", "b"]]


@pytest.mark.parametrize(
    "writing", ["DELETE FROM marts.scores", "CREATE TABLE t (a INTEGER)", "DROP SCHEMA marts CASCADE"]
)
def test_a_query_changes_nothing(marts: Generation, writing: str) -> None:
    with pytest.raises(EngineError, match="read-only"):
        marts.query(writing)

    assert len(marts.query("FROM marts.scores")) == 3


def test_times_are_told_in_utc_whatever_the_machine_thinks(marts: Generation) -> None:
    code = """if True:
        import sys
        from pathlib import Path
        from infra.warehouse import Generation

        instant = "SELECT CAST(TIMESTAMPTZ '2017-12-04 06:00:00+08' AS TIMESTAMP) AS instant"
        print(Generation(Path(sys.argv[1])).query(instant)["instant"][0])"""
    environ = {**os.environ, "TZ": "America/New_York"}

    told = subprocess.run([sys.executable, "-c", code, str(marts.path)], env=environ, capture_output=True, check=True)

    assert told.stdout.decode() == "2017-12-03 22:00:00\n"


# ── writing ───────────────────────────────────────────────────────────────────────────────────


def scores(cycle_id: str, *pseudonyms: str, rfm: str = "111") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "cycle_id": cycle_id,
            "as_of": datetime(2017, 12, 18),
            "pseudonym": list(pseudonyms),
            "segment": None,
            "rfm": rfm,
            "churn_probability": 0.3,
            "risk_band": "medium",
            "contact_day": 3,
            "expected_revenue_90d": None,
            "expected_revenue_low": None,
            "expected_revenue_high": None,
            "best_products": None,
        }
    )


def stored(marts: Generation) -> list[tuple[str, str]]:
    frame = marts.query("SELECT cycle_id, pseudonym FROM marts.scores ORDER BY ALL")
    return list(frame.itertuples(index=False, name=None))


def test_rows_of_a_key_are_replaced_and_others_kept(marts: Generation) -> None:
    marts.replace_rows(Scores, "scores", scores("c1", "cyd"), "cycle_id", "c1")

    assert stored(marts) == [("c1", "cyd"), ("c2", "ann")]


def test_replacing_rows_twice_doubles_nothing(marts: Generation) -> None:
    for _ in range(2):
        marts.replace_rows(Scores, "scores", scores("c3", "ann", "bob"), "cycle_id", "c3")

    assert stored(marts) == [("c1", "ann"), ("c1", "bob"), ("c2", "ann"), ("c3", "ann"), ("c3", "bob")]


def test_a_table_that_is_not_there_is_made(marts: Generation) -> None:
    marts.execute("DROP TABLE marts.scores")

    marts.replace_rows(Scores, "scores", scores("c1", "ann"), "cycle_id", "c1")

    assert stored(marts) == [("c1", "ann")]


def test_columns_are_matched_by_name(marts: Generation) -> None:
    turned = scores("c3", "ann")[list(scores("c3", "ann").columns)[::-1]]

    marts.replace_rows(Scores, "scores", turned, "cycle_id", "c3")

    found = marts.query("SELECT pseudonym, rfm, risk_band FROM marts.scores WHERE cycle_id = 'c3'")
    assert found.to_dict("records") == [{"pseudonym": "ann", "rfm": "111", "risk_band": "medium"}]


def test_rows_that_break_the_contract_replace_nothing(marts: Generation) -> None:
    with pytest.raises(AimloopError, match=r"marts\.scores breaks its contract Scores: .*rfm"):
        marts.replace_rows(Scores, "scores", scores("c1", "cyd", rfm="best"), "cycle_id", "c1")

    assert stored(marts) == [("c1", "ann"), ("c1", "bob"), ("c2", "ann")]


def test_rows_that_do_not_fit_the_table_replace_nothing(marts: Generation) -> None:
    with pytest.raises(EngineError, match="surprise"):
        marts.replace_rows(Scores, "scores", scores("c1", "cyd").assign(surprise=1), "cycle_id", "c1")

    assert stored(marts) == [("c1", "ann"), ("c1", "bob"), ("c2", "ann")]


def test_a_table_of_older_code_gets_the_columns_that_are_new(marts: Generation) -> None:
    """The earlier rows say nothing there."""
    marts.execute("ALTER TABLE marts.scores DROP COLUMN expected_revenue_90d")

    marts.replace_rows(Scores, "scores", scores("c3", "cyd").assign(expected_revenue_90d=12.5), "cycle_id", "c3")

    found = marts.query("SELECT pseudonym, expected_revenue_90d AS expected FROM marts.scores ORDER BY ALL")
    assert found.astype(object).where(found.notna(), None).to_dict("records") == [
        {"pseudonym": "ann", "expected": None},
        {"pseudonym": "ann", "expected": None},
        {"pseudonym": "bob", "expected": None},
        {"pseudonym": "cyd", "expected": 12.5},
    ]


# ── inheriting ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def heir(state: State, marts: Generation) -> Generation:
    fresh = warehouse.start_generation(state, "heir", pd.Timestamp("2017-12-11"))
    fresh.execute("CREATE SCHEMA marts")
    return fresh


def test_a_table_is_inherited_once(marts: Generation, heir: Generation) -> None:
    heir.inherit("scores", marts)
    marts.replace_rows(Scores, "scores", scores("c3", "ann"), "cycle_id", "c3")
    heir.inherit("scores", marts)

    assert stored(heir) == [("c1", "ann"), ("c1", "bob"), ("c2", "ann")]


def test_a_table_that_is_there_already_is_kept(marts: Generation, heir: Generation) -> None:
    heir.replace_rows(Scores, "scores", scores("c9", "cyd"), "cycle_id", "c9")

    heir.inherit("scores", marts)

    assert stored(heir) == [("c9", "cyd")]


def test_a_table_that_the_other_lacks_is_not_inherited(marts: Generation, heir: Generation) -> None:
    heir.inherit("predictions", marts)

    assert "predictions" not in heir.query("SELECT table_name FROM duckdb_tables()")["table_name"].tolist()


def test_a_frame_that_lacks_a_column_is_refused_by_the_name_given() -> None:
    with pytest.raises(AimloopError, match=r"the answer breaks its contract CustomerFeatures: .*pseudonym"):
        warehouse.checked(CustomerFeatures, pd.DataFrame({"snapshot_at": []}), "the answer")
