"""The way back: what services logged and applications reported, into the log zone, each row accounted for once."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prediction_examples import ROW, rows

from infra.erasing import tombstones
from infra.intake import prediction_files
from infra.intake.log_landing import Landed, land
from infra.intake.log_zone import landings, open_log_zone
from infra.keys import Keys
from infra.outcomes import Outcome, Outcomes
from infra.prediction_log import Prediction, PredictionLog
from infra.state import State

NOW = datetime(2026, 3, 2, 12)
NONE = Landed(0, 0, 0, 0)
SHOWN = Outcome("o1", "p1", "shown", datetime(2026, 3, 2, 9), None, "key1")
InLog = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def in_log(state: State, keys: Keys) -> InLog:
    def query(sql: str) -> list[tuple[Any, ...]]:
        with open_log_zone(state, keys) as connection:
            return connection.execute(sql).fetchall()

    return query


def file_of(state: State, *lines: Prediction | bytes, name: str = "20260302T090000.000000Z-w1.jsonl") -> Path:
    texts = [line if isinstance(line, bytes) else orjson.dumps(line._asdict()) for line in lines]
    path = state.predictions / name
    path.write_bytes(b"".join(text + b"\n" for text in texts))
    return path


def test_what_the_writer_wrote_arrives_as_it_was_said(state: State, keys: Keys, in_log: InLog) -> None:
    writer = PredictionLog(state.predictions, "w1", 600, 100)
    writer.add([ROW, ROW._replace(prediction_id="p2", value=None, label="low")])
    writer.close()

    assert land(state, keys, NOW, prediction_files.free(state.predictions))["predictions"] == Landed(2, 2, 0, 0)

    assert list(state.predictions.iterdir()) == []
    first, second = in_log("SELECT * EXCLUDE (landed_at, landing) FROM log.predictions ORDER BY prediction_id")
    said_at, as_of = datetime(2026, 3, 2, 9, 0, 0, 250_000), datetime(2026, 3, 2)
    assert first == tuple(ROW._replace(predicted_at=said_at, as_of=as_of))  # type: ignore[arg-type]
    assert second[-6:] == (None, "low", "0123456789abcdef", 1.5, as_of, "0a1b2c3d")
    assert in_log("SELECT DISTINCT landed_at, landing FROM log.predictions") == [(NOW, 1)]


BROKEN = ROW._asdict()


@pytest.mark.parametrize(
    ("line", "reason", "is_kept"),
    [
        (orjson.dumps(BROKEN)[:-20], "line: no JSON", False),
        (b"\x00\x00\xff", "line: no JSON", False),
        (b"[1, 2]", "line: no row", True),
        (b'{"other": "JSON"}', "prediction_id: missing", True),
        (orjson.dumps(BROKEN | {"value": "0.5"}), "value: not a number", True),
        (orjson.dumps(BROKEN | {"is_known": 1}), "is_known: not a truth value", True),
        (orjson.dumps(BROKEN | {"label": {"a": 1}}), "label: not a text", True),
        (orjson.dumps(BROKEN | {"predicted_at": "soon"}), "predicted_at: not a timestamp", True),
        (orjson.dumps(BROKEN | {"variant": "third"}), "variant: must be one of champion, challenger", True),
        (orjson.dumps(BROKEN | {"propensity": 0}), "propensity: must be above 0", True),
        (orjson.dumps(BROKEN | {"request_id": ""}), "request_id: must be 1 to 200 characters", True),
        (orjson.dumps(BROKEN | {"prediction_id": "p0"}), "prediction_id, variant: there already", True),
    ],
)
def test_a_broken_line_is_set_aside_with_its_reason(
    state: State, keys: Keys, in_log: InLog, line: bytes, reason: str, is_kept: bool
) -> None:
    path = file_of(state, *rows(1), line, *rows(1, first=1))

    assert land(state, keys, NOW, [path])["predictions"] == Landed(3, 2, 1, 0)

    ((number, why, text),) = in_log("SELECT line, reason, row_json FROM log.quarantine")
    assert (number, why) == (2, reason)
    assert (text is not None and json.loads(text) == json.loads(line)) if is_kept else text is None


def test_a_whole_last_line_without_its_end_is_a_row(state: State, keys: Keys) -> None:
    path = file_of(state, *rows(2))
    path.write_bytes(path.read_bytes()[:-1])

    assert land(state, keys, NOW, [path])["predictions"] == Landed(2, 2, 0, 0)


def test_whole_numbers_and_unknown_fields_are_fine(state: State, keys: Keys, in_log: InLog) -> None:
    path = file_of(state, orjson.dumps(BROKEN | {"value": 2**63, "latency_ms": 0, "later": "field"}))

    assert land(state, keys, NOW, [path])["predictions"] == Landed(1, 1, 0, 0)
    assert in_log("SELECT value FROM log.predictions") == [(float(2**63),)]


def test_a_repeated_prediction_counts_once_within_and_across_landings(state: State, keys: Keys, in_log: InLog) -> None:
    shadow = ROW._replace(prediction_id="p0", variant="challenger")
    first = [file_of(state, *rows(2), shadow, name="a.jsonl"), file_of(state, *rows(1), name="b.jsonl")]
    assert land(state, keys, NOW, first)["predictions"] == Landed(4, 3, 1, 0)
    assert land(state, keys, NOW, [file_of(state, *rows(3), name="c.jsonl")])["predictions"] == Landed(3, 1, 2, 0)

    assert in_log("SELECT prediction_id, variant FROM log.predictions ORDER BY ALL") == [
        *(("p0", "challenger"), ("p0", "champion"), ("p1", "champion"), ("p2", "champion"))
    ]
    counted = landings(state, keys)[["name", "read", "accepted", "quarantined", "suppressed"]]
    assert counted.values.tolist() == [["a.jsonl", 3, 3, 0, 0], ["b.jsonl", 1, 0, 1, 0], ["c.jsonl", 3, 1, 2, 0]]


def test_a_file_that_the_zone_knows_is_removed_and_not_landed_again(state: State, keys: Keys, in_log: InLog) -> None:
    content = file_of(state, *rows(2)).read_bytes()
    (path,) = state.predictions.iterdir()
    land(state, keys, NOW, [path])
    path.write_bytes(content)

    assert land(state, keys, NOW, [path])["predictions"] == NONE
    assert not path.exists()
    assert len(landings(state, keys)) == 1

    other = file_of(state, *rows(1, first=2))  # the same name, another content
    assert land(state, keys, NOW, [other])["predictions"] == Landed(1, 1, 0, 0)


def test_an_empty_file_is_noted_and_removed(state: State, keys: Keys) -> None:
    path = file_of(state)

    assert land(state, keys, NOW, [path])["predictions"] == NONE
    assert landings(state, keys)[["name", "read"]].values.tolist() == [[path.name, 0]]
    assert not path.exists()


def test_nothing_to_land_makes_an_empty_zone(state: State, keys: Keys) -> None:
    assert land(state, keys, NOW, []) == {"predictions": NONE, "outcomes": NONE}
    assert state.log_zone.exists()
    assert landings(state, keys).empty


def test_reports_are_landed_from_where_the_last_landing_ended(state: State, keys: Keys, in_log: InLog) -> None:
    reports = Outcomes(state.outcomes)
    reports.report([SHOWN, SHOWN._replace(outcome_id="o2", kind="converted", revenue=3)], datetime(2026, 3, 2, 10))
    assert land(state, keys, NOW, [])["outcomes"] == Landed(2, 2, 0, 0)
    assert land(state, keys, NOW, [])["outcomes"] == NONE
    reports.report([SHOWN._replace(outcome_id="o3", propensity=0.9)], datetime(2026, 3, 2, 11))
    assert land(state, keys, NOW, [])["outcomes"] == Landed(1, 1, 0, 0)

    at = datetime(2026, 3, 2, 9)
    assert in_log("SELECT * EXCLUDE (landed_at, landing) FROM log.outcomes ORDER BY ALL") == [
        ("o1", "p1", "shown", at, None, None, datetime(2026, 3, 2, 10), "key1"),
        ("o2", "p1", "converted", at, 3.0, None, datetime(2026, 3, 2, 10), "key1"),
        ("o3", "p1", "shown", at, None, 0.9, datetime(2026, 3, 2, 11), "key1"),
    ]


def test_a_zone_of_an_older_version_is_read_as_it_is_and_completed_by_the_next_landing(
    state: State, keys: Keys, in_log: InLog
) -> None:
    reports = Outcomes(state.outcomes)
    reports.report([SHOWN], NOW)
    land(state, keys, NOW, [])
    with open_log_zone(state, keys, read_only=False) as zone:
        zone.execute("ALTER TABLE log.outcomes DROP COLUMN propensity")
    assert in_log("SELECT outcome_id FROM log.outcomes") == [("o1",)]
    assert "propensity" not in [row[0] for row in in_log("DESCRIBE log.outcomes")]

    for id_, chance in (("o2", 0.25), ("o3", None)):
        reports.report([SHOWN._replace(outcome_id=id_, propensity=chance)], NOW)
        assert land(state, keys, NOW, [])["outcomes"] == Landed(1, 1, 0, 0)

    assert in_log("SELECT outcome_id, propensity FROM log.outcomes ORDER BY ALL") == [
        *(("o1", None), ("o2", 0.25), ("o3", None))
    ]


def test_a_chance_that_is_none_is_set_aside(state: State, keys: Keys, in_log: InLog) -> None:
    Outcomes(state.outcomes).report([SHOWN._replace(propensity=1.5)], NOW)

    assert land(state, keys, NOW, [])["outcomes"] == Landed(1, 0, 1, 0)
    assert in_log("SELECT reason FROM log.quarantine") == [("propensity: must be at most 1",)]


def test_a_report_of_an_unknown_kind_is_set_aside(state: State, keys: Keys, in_log: InLog) -> None:
    Outcomes(state.outcomes).report([SHOWN._replace(kind="eaten")], NOW)  # type: ignore[arg-type]

    assert land(state, keys, NOW, [])["outcomes"] == Landed(1, 0, 1, 0)
    assert in_log("SELECT table_name, reason FROM log.quarantine") == [
        ("outcomes", "kind: must be one of shown, clicked, converted")
    ]


def test_late_rows_of_erased_people_are_suppressed_broken_or_not(state: State, keys: Keys, in_log: InLog) -> None:
    tombstones.add(state, keys, ["ann"], NOW)
    ann = ROW._replace(pseudonym=keys.pseudonymise("ann"))
    path = file_of(state, ann, ann._replace(prediction_id=""), *rows(1))

    assert land(state, keys, NOW, [path])["predictions"] == Landed(3, 1, 0, 2)
    assert in_log("SELECT prediction_id FROM log.predictions") == [("p0",)]
    assert in_log("FROM log.quarantine") == []


def test_files_of_the_epoch_before_come_in_under_new_pseudonyms(state: State, keys: Keys, in_log: InLog) -> None:
    known, stranger = ROW._replace(pseudonym="old"), ROW._replace(prediction_id="p2", pseudonym="stranger")
    path = file_of(state, known, stranger, stranger._replace(prediction_id=""))

    land(state, keys, NOW, [path], renamed={"old": "fresh"})

    assert in_log("SELECT prediction_id, pseudonym FROM log.predictions ORDER BY ALL") == [
        ("p1", "fresh"),
        ("p2", None),
    ]
    assert in_log("SELECT row_json FROM log.quarantine") == [(None,)]


row_texts = st.builds(
    lambda n, **changed: orjson.dumps(rows(1, first=n)[0]._asdict() | changed),
    st.integers(0, 3),
    value=st.none() | st.floats(allow_nan=False) | st.text(max_size=3),
    product_id=st.none() | st.text(max_size=5) | st.integers(-(2**63), 2**64 - 1),
)


contents = st.builds(
    lambda lines, torn: b"\n".join(lines)[: -torn or None],
    st.lists(st.binary(max_size=40) | row_texts, max_size=8),
    st.integers(0, 7),
)


@given(st.lists(contents, min_size=10, max_size=40))
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_bytes_in_files_are_accounted_for(state: State, keys: Keys, in_log: InLog, files: list[bytes]) -> None:
    state.log_zone.unlink(missing_ok=True)
    paths = [state.predictions / f"{number:02}.jsonl" for number in range(len(files))]
    for path, content in zip(paths, files, strict=True):
        path.write_bytes(content)

    landed = land(state, keys, NOW, paths)["predictions"]

    counted = in_log(
        """SELECT read, accepted, quarantined, (SELECT count(*) FROM log.predictions p WHERE p.landing = l.landing)
                , (SELECT count(*) FROM log.quarantine q WHERE q.landing = l.landing)
           FROM log.landings l ORDER BY name"""
    )
    lines = [len([line for line in content.split(b"\n") if line]) for content in files]
    assert [row[0] for row in counted] == lines
    assert all(row[0] == row[1] + row[2] and row[1:3] == row[3:] for row in counted)
    assert landed == Landed(sum(lines), sum(row[1] for row in counted), sum(row[2] for row in counted), 0)
    assert not any(path.exists() for path in paths)
