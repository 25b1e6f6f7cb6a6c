"""A small state folder with something of three people in every place, made without dbt or training."""

import hashlib
import json
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import joblib
import orjson
import pandas as pd

from flows.context import Door
from infra import profiles, warehouse
from infra.intake import landing, log_landing, prediction_files
from infra.intake.log_zone import open_log_zone
from infra.intake.raw_zone import open_raw_zone
from infra.keys import open_keys
from infra.ledger import Ledger
from infra.outcomes import Outcome, Outcomes
from infra.prediction_log import Prediction
from infra.profiles import open_profiles
from infra.sections import Services
from infra.settings import Settings
from infra.sources.raw_table import RawTable
from infra.state import State
from infra.warehouse import Generation
from models.fitted import Fitted

PEOPLE = {"ann-777111": "Ann Planted", "bob-777222": "Bob Built", "cyd-777333": "Cyd Carved"}
ANN = "ann-777111"
AS_OF = pd.Timestamp("2017-12-04")
NOW = datetime(2017, 12, 4, 1)
TAG = "segmentation:g1"
LOGGED_AT = datetime(2017, 12, 6)
PREDICTION = Prediction(
    *("p", "r1", "2017-12-04T09:00:00Z", "segmentation", TAG, "champion", True, 1.0, "of someone", True),
    *(None, None, None, None, "loyal", "0123456789abcdef", 1.5, "2017-12-04T00:00:00Z", "key1"),
)


def open_door(folder: Path, services: Services | None = None) -> Door:
    state = State(folder).open()
    settings = Settings(state=folder, services=services or Services())
    return Door(settings, state, open_keys(settings, state), Ledger(state.ledger))


def tables() -> list[RawTable]:
    """Four purchases a person, one of Ann's broken; one more broken line names her in another column alone."""
    customers = pd.DataFrame({"customer_id": list(PEOPLE), "name": list(PEOPLE.values())})
    customers["email"] = customers["customer_id"] + "@example.com"
    orders = pd.DataFrame(
        [(f"o{n}", person, f"2017-03-0{n + 1}", "5.5") for person in PEOPLE for n in range(4)]
        + [("o9", ANN, "2017-03-09", "much"), (f"left for {PEOPLE[ANN]}", None, "2017-03-09", "1")],
        columns=["order_id", "customer_id", "ordered_at", "amount"],
    )
    return [
        RawTable("customers", "FROM given_customers", (), {"given_customers": customers}),
        RawTable("orders", "FROM given_orders", (), {"given_orders": orders}),
    ]


def build(folder: Path, services: Services | None = None) -> Door:
    """Landed, published as ``g1`` (``g0`` before it, ``g2`` half built), one version, a report, stray mentions."""
    door = open_door(folder, services)
    state, keys = door.state, door.keys
    landing.land(state, keys, tables(), "data")
    pseudonyms = {person: keys.pseudonymise(person) for person in PEOPLE}
    for name in ("g0", "g1"):
        fill(warehouse.start_generation(state, name, AS_OF), pseudonyms)
        warehouse.finish(state, name)
    warehouse.publish(state, "g1")
    (state.warehouse / "g2.building.duckdb").write_bytes(b"half a generation")
    profiles.publish(door.settings, state, "g1", AS_OF, profile_tables(list(pseudonyms.values())), NOW)

    version = state.bentoml / "models" / "segmentation" / "g1"
    version.mkdir(parents=True)
    reference = features(list(pseudonyms.values()))[["days_since_last_order", "amount_84d"]]
    joblib.dump(Fitted("a model", tuple(reference), reference), version / "fitted.joblib", compress=1)
    reference.to_parquet(version / "reference.parquet")
    door.ledger.begin_cycle("g1", AS_OF.to_pydatetime(), "company", datetime(2017, 12, 4))
    report = {"as_of": AS_OF.isoformat()}
    door.ledger.register(TAG, "segmentation", "g1", report, {}, datetime(2017, 12, 4))

    log(door, pseudonyms)

    (state.reports / "g1").mkdir()
    (state.reports / "g1" / "drift.html").write_text("<html>from 0.5 to 98.25</html>")
    (state.dbt / "logs").mkdir()
    (state.dbt / "logs" / "dbt.log").write_text(f"could not cast {pseudonyms[ANN]}\n")
    (state.prefect / "server.log").write_text(f"started\ncustomer {ANN} failed\nended\n")
    with closing(sqlite3.connect(state.prefect / "prefect.db")) as prefect, prefect:
        prefect.execute("CREATE TABLE log (message TEXT)")
        prefect.executemany("INSERT INTO log VALUES (?)", [("all is well",), (f"failed on {PEOPLE[ANN]}",)])
    return door


def log(door: Door, pseudonyms: dict[str, str]) -> None:
    """Of everyone a prediction and its outcome that have landed, and both again that wait; a broken row of Ann's."""
    outcomes = Outcomes(door.state.outcomes)
    for turn in ("landed", "waiting"):
        for person, pseudonym in pseudonyms.items():
            id_ = f"{turn}-{PEOPLE[person][:3].lower()}"
            row = PREDICTION._replace(prediction_id=id_, pseudonym=pseudonym)
            broken = {"of": pseudonym} if (turn, person) == ("landed", ANN) else {}
            path = door.state.predictions / f"{id_}.jsonl{'.open' if person == ANN else ''}"
            path.write_bytes(orjson.dumps(row._asdict()) + b"\n" + (orjson.dumps(broken) + b"\n" if broken else b""))
            shown = Outcome(f"of-{id_}", id_, "shown", datetime(2017, 12, 5), None, "key1", propensity=0.25)
            outcomes.report([shown], LOGGED_AT)
        if turn == "landed":
            land_log(door)
    outcomes.close()


def land_log(door: Door) -> None:
    log_landing.land(door.state, door.keys, LOGGED_AT, prediction_files.every(door.state.predictions))


def features(pseudonyms: list[str]) -> pd.DataFrame:
    numbers = range(1, len(pseudonyms) + 1)
    return pd.DataFrame(
        {"pseudonym": pseudonyms, "days_since_last_order": [n * 1.25 for n in numbers], "amount_84d": list(numbers)}
    )


def fill(generation: Generation, pseudonyms: dict[str, str]) -> None:
    """Features, scores, and orders with the digests that staging makes of their ids."""
    found = features(list(pseudonyms.values()))
    rows = ", ".join(f"('{p}', {days}, {amount})" for p, days, amount in found.itertuples(index=False))
    for statement in (
        "CREATE SCHEMA marts",
        "CREATE SCHEMA staging",
        f"CREATE TABLE marts.customer_features AS SELECT * FROM (VALUES {rows}) t({', '.join(found)})",
        "CREATE TABLE marts.scores AS SELECT pseudonym, 'loyal' AS segment FROM marts.customer_features",
        "CREATE TABLE marts.product_statistics AS SELECT 'p1' AS product_id",
        "CREATE TABLE staging.stg_orders AS SELECT md5(pseudonym || 'o' || n) AS order_id, pseudonym "
        "FROM marts.customer_features, range(4) r(n)",
    ):
        generation.execute(statement)


def profile_tables(pseudonyms: list[str]) -> dict[str, pd.DataFrame]:
    return {
        "customers": features(pseudonyms),
        "customer_product": pd.DataFrame({"pseudonym": pseudonyms, "product_id": "p1", "customer_affinity": 1.0}),
        "customer_category": pd.DataFrame({"pseudonym": pseudonyms, "category": "c1", "customer_affinity": 1.0}),
        "products": pd.DataFrame({"product_id": ["p1"], "category": ["c1"]}),
    }


def digest(pseudonym: str, order: str) -> str:
    return hashlib.md5((pseudonym + order).encode()).hexdigest()


def everyone(door: Door) -> dict[str, str]:
    return {person: door.keys.pseudonymise(person) for person in PEOPLE}


def epochs_of(door: Door) -> list[str]:
    return [path.name for path in (door.state.root / "epochs").iterdir() if path.is_dir()]


def assert_whole(door: Door) -> None:
    """Every place knows the same people by the pseudonyms of the door's keys."""
    pseudonyms = everyone(door)
    with open_raw_zone(door.state, door.keys) as zone:
        assert dict(zone.execute("FROM raw.crosswalk").fetchall()) == pseudonyms
        assert zone.execute("SELECT count(*) FROM raw.orders").fetchone() == (12,)
    generation = warehouse.published(door.state)
    assert generation is not None
    for table, rows in {"marts.customer_features": 1, "marts.scores": 1, "staging.stg_orders": 4}.items():
        found = generation.query(f"SELECT pseudonym, count(*) AS rows FROM {table} GROUP BY ALL")
        assert dict(found.itertuples(index=False)) == dict.fromkeys(pseudonyms.values(), rows)
    orders = generation.query("SELECT DISTINCT order_id FROM staging.stg_orders")["order_id"]
    assert set(orders) == {digest(p, f"o{n}") for p in pseudonyms.values() for n in range(4)}
    known = open_profiles(door.settings, door.state).rows("customers", [(p,) for p in pseudonyms.values()])
    assert known == [(p, n * 1.25, n) for n, p in enumerate(pseudonyms.values(), start=1)]
    land_log(door)
    with open_log_zone(door.state, door.keys) as zone:
        said = zone.execute(
            "SELECT pseudonym, count(*) FROM log.predictions JOIN log.outcomes USING (prediction_id) GROUP BY 1"
        )
        assert dict(said.fetchall()) == dict.fromkeys(pseudonyms.values(), 2)
        assert zone.execute("SELECT DISTINCT propensity FROM log.outcomes").fetchall() == [(0.25,)]


def certificates(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in (folder / "certificates").glob("*.json")]
