"""What people get wrong, and what they are told: exit code 2, what is wrong, what to do, no traceback."""

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from infra.state import State
from tests.conftest import Aimloop

FEW = {"AIMLOOP_HOUSEHOLDS": "20"}  # nothing hangs on how many there are


def assert_explained(done, *words: str) -> None:  # type: ignore[no-untyped-def]
    assert done.returncode == 2, done.stderr
    assert "error:" in done.stderr
    assert "→" in done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


@pytest.fixture
def aimloop(slice_folder: Path, tmp_path: Path) -> Aimloop:
    return Aimloop(tmp_path / "state", source_folder=slice_folder)


def test_an_unknown_setting(aimloop: Aimloop) -> None:
    done = aimloop("status", AIMLOOP_BUGDET="5")
    assert_explained(done, "unknown setting 'bugdet'", "did you mean 'budget'")
    assert not aimloop.state.exists()


def test_an_unknown_source(aimloop: Aimloop) -> None:
    assert_explained(aimloop("run", "--source", "complete_jorney"), "did you mean 'complete_journey'")
    assert not aimloop.state.exists()


def test_an_as_of_that_is_no_date(aimloop: Aimloop) -> None:
    assert_explained(aimloop("run", "--as-of", "yesterday"), "as_of", "2017-12-04")


def test_an_as_of_outside_the_data(aimloop: Aimloop, prefect_server: dict[str, str]) -> None:
    done = aimloop("run", "--as-of", "2031-01-01", **prefect_server)
    assert_explained(done, "2031-01-01", "2017-01-0", "2018-01-0")


def test_too_little_history_skips_a_model_and_names_the_first_date(
    aimloop: Aimloop, prefect_server: dict[str, str]
) -> None:
    done = aimloop("run", "--as-of", "2017-02-20", **FEW, **prefect_server)
    assert done.returncode == 0, done.stderr
    assert "churn skipped: " in done.stderr
    assert "trainable from 2017-06-" in done.stderr
    churn = json.loads(aimloop("status", "--json").stdout)["models"]["churn"]
    assert churn["tag"] is None
    assert "trainable from 2017-06-" in churn["line"]


def test_data_too_poor_to_act_on(aimloop: Aimloop, prefect_server: dict[str, str]) -> None:
    strict = {
        "AIMLOOP_QUALITY__STOP_ON": "freshness",
        "AIMLOOP_QUALITY__MAX_AGE_DAYS": "0.001",
    }
    done = aimloop("run", **prefect_server, **FEW, **strict)
    assert_explained(done, "before training: freshness.", "quality.max_age_days")
    assert list(aimloop.state.glob("epochs/*/warehouse/*.duckdb")) == []
    status = json.loads(aimloop("status", "--json").stdout)
    assert list(status["seconds"]) == ["ingest"]
    assert status["quality"]["stopped"] is True


def test_a_truncated_parquet_file(aimloop: Aimloop, slice_folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(slice_folder, broken)
    with (broken / "transactions.parquet").open("r+b") as file:
        file.truncate(file.seek(0, 2) - 100)
    done = aimloop("run", AIMLOOP_SOURCE_FOLDER=str(broken))
    assert_explained(done, "transactions.parquet", "truncated")


def test_a_missing_column(aimloop: Aimloop, slice_folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(slice_folder, broken)
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT * EXCLUDE (sales_value) FROM '{slice_folder}/transactions.parquet') "
            f"TO '{broken}/transactions.parquet'"
        )
    done = aimloop("run", AIMLOOP_SOURCE_FOLDER=str(broken))
    assert_explained(done, "transactions.parquet", "sales_value")


def test_a_wrong_storage_key(aimloop: Aimloop, prefect_server: dict[str, str]) -> None:
    # lands, then refuses the date
    assert aimloop("run", "--as-of", "2031-01-01", **FEW, **prefect_server).returncode == 2
    zone = State(aimloop.state).raw_zone
    before = zone.read_bytes()
    done = aimloop("run", AIMLOOP_STORAGE_KEY="f" * 64, **FEW, **prefect_server)
    assert_explained(done, "storage key", "keys/storage.key")
    assert zone.read_bytes() == before


def test_a_prefect_server_that_is_not_there(aimloop: Aimloop) -> None:
    done = aimloop("run", PREFECT_API_URL="http://127.0.0.1:9/api")
    assert_explained(done, "no Prefect server answers", "unset PREFECT_API_URL")


def test_a_state_folder_of_newer_code(aimloop: Aimloop) -> None:
    aimloop.state.mkdir()
    (aimloop.state / "VERSION").write_text("99\n", encoding="ascii")
    assert_explained(aimloop("status"), "layout version '99'", "update aimloop")


def test_nothing_has_been_run_yet(aimloop: Aimloop) -> None:
    assert_explained(aimloop("status"), "no cycle", "aimloop run")
    assert_explained(aimloop("serve"), "no Bento", "aimloop run")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("channel,unit_cost\nfeed,1\n", ["lacks the column 'unit_return'"]),
        (
            "channel,unit_cost,unit_return,max_units,min_units\nfeed,x,1,1,0\n",
            ["line 2", "'unit_cost'", "not a number"],
        ),
        ("channel,unit_cost,unit_return,max_units,min_units\nfeed,-1,1,1,0\n", ["unit_cost"]),
        ("channel,unit_cost,unit_return,max_units,min_units\nfeed,1,1,1,2\n", ["minimum 2 above maximum 1"]),
        ("", ["cannot be read as CSV"]),
    ],
)
def test_a_channels_file_that_does_not_fit(aimloop: Aimloop, tmp_path: Path, content: str, words: list[str]) -> None:
    file = tmp_path / "channels.csv"
    file.write_text(content, encoding="utf-8")
    assert_explained(aimloop("plan", "--channels", str(file)), *words)


def test_a_budget_below_the_minimum_names_what_is_missing(aimloop: Aimloop) -> None:
    assert_explained(aimloop("plan", "--budget", "300000"), "10,000.00 are missing")


def test_a_plan_needs_no_cycle(aimloop: Aimloop) -> None:
    done = aimloop("plan", "--budget", "1130000")
    assert done.returncode == 0, done.stderr
    assert "84,125" in done.stdout
    assert "+0.05625" in done.stdout
