"""Erasure of people: found everywhere before, nowhere after, and kept out from then on."""

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import joblib
import orjson
import pandas as pd
import pytest

from flows import forget as story
from flows.context import Door, data_fingerprint
from flows.forget import finish, forget
from flows.ingest import land_log
from infra import warehouse
from infra.erasing import people, tombstones
from infra.errors import AimloopError
from infra.files import sha256
from infra.intake import landing
from infra.intake.log_landing import Landed
from infra.intake.log_zone import open_log_zone
from infra.intake.raw_zone import open_raw_zone
from infra.profiles import open_profiles
from infra.warehouse import attach_encrypted
from tests import small_state
from tests.e2e.search import search_everything
from tests.small_state import ANN, PEOPLE, TAG, open_door

NOW = datetime(2018, 1, 2)


def needles(door: Door, person: str = ANN) -> dict[str, str]:
    """What may be found of someone."""
    details = {"id": person, "name": PEOPLE[person], "email": f"{person}@example.com"}
    return details | {"pseudonym": door.keys.pseudonymise(person)}


def places(door: Door, person: str = ANN) -> set[str]:
    """The parts of the state folder in which someone is found, the raw zone decrypted."""
    found = search_everything(door.state, needles(door, person), door.keys)
    return {path.relative_to(door.state.root).parts[0] for path, _ in found}


def sample(door: Door) -> pd.DataFrame:
    version = door.state.bentoml / "models" / "segmentation" / "g1"
    beside = pd.read_parquet(version / "reference.parquet")
    pd.testing.assert_frame_equal(joblib.load(version / "fitted.joblib").reference, beside)
    return beside


@pytest.fixture(scope="module")
def before(small: Path) -> Door:
    """Before the erasure; only to be looked at."""
    return open_door(small)


@dataclass(frozen=True)
class Erased:
    door: Door
    certificate: dict[str, Any]


@pytest.fixture(scope="module")
def erased(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Erased:
    """After Ann was erased; only to be looked at."""
    door = open_door(Path(shutil.copytree(small, tmp_path_factory.mktemp("erased") / "state")))
    (certificate,) = forget(door, [ANN])
    return Erased(door, certificate)


def test_a_person_is_found_everywhere_before_and_nowhere_after(before: Door, erased: Erased) -> None:
    assert places(before) == {"epochs", "dbt", "prefect"}
    assert sample(before)["amount_84d"].tolist() == [1, 2, 3]
    assert places(erased.door) == set()
    assert sample(erased.door)["amount_84d"].tolist() == [2, 3]


def test_others_stay_where_they_are(erased: Erased) -> None:
    door = erased.door
    with open_raw_zone(door.state, door.keys) as zone:
        assert zone.execute("SELECT customer_id FROM raw.crosswalk ORDER BY ALL").fetchall() == [
            ("bob-777222",),
            ("cyd-777333",),
        ]
        assert zone.execute("SELECT count(*) FROM raw.orders").fetchone() == (8,)
    generation = warehouse.published(door.state)
    assert generation is not None
    assert len(generation.query("FROM marts.scores")) == 2
    others = [door.keys.pseudonymise(person) for person in PEOPLE if person != ANN]
    profiles = open_profiles(door.settings, door.state)
    assert None not in profiles.rows("customers", [(other,) for other in others])
    assert profiles.rows("customers", [(door.keys.pseudonymise(ANN),)]) == [None]
    assert (door.state.prefect / "server.log").read_text() == "started\nended\n"


def test_rows_still_add_up_in_the_zone_that_is_left(erased: Erased) -> None:
    with open_raw_zone(erased.door.state, erased.door.keys) as zone:
        counted = zone.execute(
            "SELECT table_name, read, accepted, quarantined, suppressed FROM raw.landings"
        ).fetchall()
    assert counted[:2] == [("customers", 3, 2, 0, 1), ("orders", 14, 8, 0, 6)]


def test_predictions_and_outcomes_go_from_files_zone_and_reports_and_those_of_others_stay(erased: Erased) -> None:
    state = erased.door.state
    assert list(state.predictions.iterdir()) == []
    with open_log_zone(state, erased.door.keys) as zone:
        ids = zone.execute("SELECT prediction_id FROM log.predictions ORDER BY ALL").fetchall()
        assert zone.execute("SELECT prediction_id FROM log.outcomes ORDER BY ALL").fetchall() == ids
        assert zone.execute("SELECT DISTINCT propensity FROM log.outcomes").fetchall() == [(0.25,)]
        assert zone.execute("FROM log.quarantine").fetchall() == []
        counted = zone.execute(
            "SELECT sum(read), sum(accepted), sum(quarantined), sum(suppressed), "
            "bool_and(read = accepted + quarantined + suppressed) FROM log.landings"
        ).fetchone()
    assert ids == [(f"{turn}-{who}",) for turn in ("landed", "waiting") for who in ("bob", "cyd")]
    assert counted == (13, 8, 0, 5, True)
    with closing(sqlite3.connect(state.outcomes)) as reports:
        assert reports.execute("SELECT prediction_id FROM outcomes ORDER BY 1").fetchall() == ids
    assert b"landed-ann" not in state.outcomes.read_bytes()


def test_what_a_service_logs_of_them_afterwards_does_not_stay(door: Door) -> None:
    forget(door, [ANN])
    door = open_door(door.state.root)
    row = small_state.PREDICTION._replace(prediction_id="late", pseudonym=door.keys.pseudonymise(ANN))
    (door.state.predictions / "late.jsonl").write_bytes(orjson.dumps(row._asdict()) + b"\n")

    assert land_log(door)["predictions"] == Landed(1, 0, 0, 1)

    assert places(door) == set()


def test_someone_of_the_log_alone_is_known_and_no_version_learned_from_them(door: Door) -> None:
    row = small_state.PREDICTION._replace(prediction_id="dee", pseudonym=door.keys.pseudonymise("dee-777444"))
    (door.state.predictions / "dee.jsonl").write_bytes(orjson.dumps(row._asdict()) + b"\n")

    (certificate,) = forget(door, ["dee-777444"])

    assert certificate["rows_removed"] == {"prediction log: predictions": 1}
    assert certificate["models"] == []


def test_a_row_set_aside_goes_when_any_column_names_the_person(before: Door, erased: Erased) -> None:
    reasons = []
    for door in (before, erased.door):
        with open_raw_zone(door.state, door.keys) as zone:
            reasons.append(zone.execute("SELECT reason FROM raw.quarantine ORDER BY ALL").fetchall())
    assert reasons == [[("amount: not a double",), ("customer_id: missing",)], []]


def test_the_same_export_does_not_bring_them_back(door: Door) -> None:
    fingerprint = data_fingerprint(door)
    forget(door, [ANN])
    door = open_door(door.state.root)

    landings = landing.land(door.state, door.keys, small_state.tables(), "again")

    assert [tuple(table.counts().values()) for table in landings[:2]] == [(3, 2, 0, 1), (14, 8, 1, 5)]
    with open_raw_zone(door.state, door.keys) as zone:
        assert zone.execute("SELECT count(*) FROM raw.crosswalk WHERE customer_id = ?", [ANN]).fetchone() == (0,)
    assert data_fingerprint(door) != fingerprint, "the next run must land, build and train anew"


def test_only_the_published_generation_is_left(erased: Erased) -> None:
    state = erased.door.state
    assert sorted(path.name for path in state.warehouse.iterdir()) == ["current", "g1.duckdb"]
    assert len(list(state.profiles.glob("*.sqlite"))) == 1


def test_the_certificate_says_what_was_removed_and_names_nobody(before: Door, erased: Erased) -> None:
    door, certificate = erased.door, erased.certificate
    file = Path(certificate["file"])
    written = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    assert certificate == written | {"file": str(file)}
    assert written["tombstone"] == open_door(door.state.root).keys.entomb(ANN)
    assert written["rows_removed"] == {
        f"reference sample: {TAG}": 1,
        "mentions: dbt/logs/dbt.log": 1,
        "mentions: prefect/server.log": 1,
        "mentions: prefect/prefect.db": 1,
        "profiles": 3,
        "warehouse: marts.customer_features": 1,
        "warehouse: marts.scores": 1,
        "warehouse: staging.stg_orders": 4,
        "prediction log: predictions": 2,
        "prediction log: outcomes": 2,
        "prediction log: quarantine": 1,
        "outcomes as they were reported": 2,
        "raw zone: consents": 1,
        "raw zone: crosswalk": 1,
        "raw zone: customers": 1,
        "raw zone: orders": 4,
        "raw zone: quarantine": 2,
    }
    zone = written["files"][door.state.raw_zone.relative_to(door.state.root).as_posix()]
    assert zone == {"before": sha256(before.state.raw_zone), "after": sha256(door.state.raw_zone)}
    assert written["files"]["reports/g1/drift.html"]["after"] is None
    assert [(m["tag"], m["standing"]) for m in written["models"]] == [(TAG, "champion")]
    assert door.ledger.influences() == {TAG: [written["tombstone"]]}
    for text in needles(door).values():
        assert text not in file.read_text(encoding="utf-8") + json.dumps(written)


def test_several_people_get_a_certificate_each(door: Door) -> None:
    certificates = forget(door, [ANN, "bob-777222", ANN])

    assert [c["rows_removed"]["raw zone: orders"] for c in certificates] == [4, 4]
    assert len({c["tombstone"] for c in certificates}) == 2
    assert places(door) == places(door, "bob-777222") == set()
    assert places(door, "cyd-777333") == {"epochs"}


def test_texts_that_name_a_person_in_tables_of_things_are_redacted(door: Door) -> None:
    made_for = f"made for {PEOPLE[ANN].upper()}, call {ANN}@example.com"
    with warehouse.engine(door.state.raw_zone.parent / "spill") as connection:
        attach_encrypted(connection, door.state.raw_zone, "raw", door.keys.storage, read_only=False)
        connection.execute(f"INSERT INTO raw.products (product_id, description) VALUES ('{ANN}', '{made_for}')")
        connection.execute("INSERT INTO raw.products (product_id, description) VALUES ('p2', 'Ann may buy it')")
    published = warehouse.published(door.state)
    assert published is not None
    published.execute(f"CREATE TABLE staging.stg_products AS SELECT 'p1' AS product_id, '{made_for}' AS description")

    (certificate,) = forget(door, [ANN])

    assert certificate["rows_removed"]["raw zone: products (redacted)"] == 1
    assert certificate["rows_removed"]["warehouse: staging.stg_products (redacted)"] == 1
    with open_raw_zone(door.state, door.keys) as connection:
        texts = connection.execute("SELECT product_id, description FROM raw.products ORDER BY description").fetchall()
    assert texts == [("p2", "Ann may buy it"), (ANN, "made for ****, call ****")]
    found = warehouse.published(door.state).query("SELECT * FROM staging.stg_products").values.tolist()
    assert found == [["p1", "made for ****, call ****"]]


def test_an_id_may_be_spelt_as_the_export_spells_it(door: Door) -> None:
    with pytest.raises(AimloopError, match="nobody of that id"):
        forget(door, ["4711.0"])
    forget(door, [" 4711.0 "], even_if_unknown=True)
    fresh = open_door(door.state.root)
    assert list(tombstones.read(fresh.state, fresh.keys)) == [fresh.keys.entomb("4711")]


def test_people_are_erased_one_after_the_other(door: Door) -> None:
    forget(door, [ANN])
    forget(open_door(door.state.root), ["bob-777222"])

    assert places(door) == places(door, "bob-777222") == set()
    assert len(list(door.state.certificates.glob("*.json"))) == 2


def test_a_version_of_a_time_before_them_is_not_marked(door: Door) -> None:
    report = {"as_of": "2017-02-28T00:00:00"}
    door.ledger.register("segmentation:g0", "segmentation", "g1", report, {}, NOW)

    forget(door, [ANN])

    assert list(door.ledger.influences()) == [TAG]


def test_someone_unknown_is_refused_and_nobody_is_erased(door: Door) -> None:
    with pytest.raises(AimloopError, match="nobody of id number 2 is known") as caught:
        forget(door, [ANN, "dee-777444"])

    assert "dee" not in str(caught.value)
    assert tombstones.read(door.state, open_door(door.state.root).keys) == {}
    assert places(door) == {"epochs", "dbt", "prefect"}


def test_someone_unknown_can_be_kept_out_all_the_same(door: Door) -> None:
    (certificate,) = forget(door, ["dee-777444"], even_if_unknown=True)

    assert (certificate["rows_removed"], certificate["models"]) == ({}, [])
    assert list(tombstones.read(door.state, open_door(door.state.root).keys)) == [certificate["tombstone"]]


def test_someone_of_a_former_export_alone_is_erased_from_scores_and_profiles(door: Door) -> None:
    landing.land(door.state, door.keys, [], "an export without anybody")

    (certificate,) = forget(door, [ANN])

    assert certificate["rows_removed"]["warehouse: marts.scores"] == 1
    # what the raw zone no longer knows of her, her name, cannot be looked for: the planted log line stays
    assert places(door) == {"prefect"}


def test_an_erasure_that_was_cut_short_is_finished(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(story.erasure, "erase_from_raw_zone", cut)
    with pytest.raises(KeyboardInterrupt):
        forget(door, [ANN])
    monkeypatch.undo()
    door = open_door(door.state.root)
    assert people.pending(door.state, door.keys) == [ANN]

    (certificate,) = finish(door)

    assert places(door) == set()
    assert certificate["rows_removed"]["warehouse: marts.scores"] == 1, "what was removed before the cut counts too"
    assert certificate["rows_removed"]["raw zone: orders"] == 4
    assert finish(door) == []


def test_a_lost_tombstone_key_is_told_before_erased_people_return(door: Door) -> None:
    forget(door, [ANN])
    (door.state.erasure / "tombstone.key").unlink()
    door = open_door(door.state.root)

    with pytest.raises(AimloopError, match="the tombstone key does not fit"):
        landing.land(door.state, door.keys, small_state.tables(), "again")
    with pytest.raises(AimloopError, match="the tombstone key does not fit"):
        forget(door, ["bob-777222"])


def test_a_number_that_is_also_an_id_stays_in_the_ledger(door: Door) -> None:
    """A customer id of digits alone must not be taken out of counts and amounts."""
    plan = {"budget": 1130000, "note": "asked by '1130000'"}
    door.ledger.store_plan("g1", plan, {})

    forget(door, ["1130000"], even_if_unknown=True)

    found = door.ledger.plan("g1")
    assert found is not None
    assert found.plan == {"budget": 1130000, "note": "asked by '[erased]'"}


def test_a_condition_that_the_audit_trail_quotes_does_not_stop_an_erasure(door: Door) -> None:
    """The trail refuses every change, so a mention there stays; the certificate says so."""
    door.audit.record("audience", {"where": f"region = '{ANN}'"}, NOW)

    (certificate,) = forget(door, [ANN])

    assert certificate["rows_removed"]["raw zone: orders"] == 4
    assert any("audit trail" in line for line in certificate["not_covered"])
    assert all(entry.is_intact for entry in door.audit.entries())
