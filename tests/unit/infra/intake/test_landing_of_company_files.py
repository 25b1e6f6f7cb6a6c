"""Landing in trouble (refused, killed, on a full disk): the old zone stays, nothing half-written does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from company_examples import HEADER, LINES, settings_of, write

from infra.errors import AimloopError
from infra.intake.landing import land
from infra.intake.raw_zone import Landing, landed, open_raw_zone
from infra.keys import Keys
from infra.sources import company
from infra.state import State, explained_disk_errors

KEYS = Keys("a storage key", b"a pseudonym key")


def land_files(state: State, folder: Path, fingerprint: str, **orders: object) -> Landing:
    settings = settings_of(folder, {"files": "o.csv", **orders})
    return land(state, KEYS, company.tables(settings), fingerprint, settings.cleaning)[1]


@pytest.fixture
def before(state: State, tmp_path: Path) -> Landing:
    """A zone that holds two orders."""
    write(tmp_path, {"o.csv": HEADER + LINES})
    return land_files(state, tmp_path, "old")


def assert_only_the_old_zone(state: State) -> None:
    assert [path.name for path in state.raw_zone.parent.iterdir()] == ["zone.duckdb"]
    assert landed(state, KEYS, "old") is not None
    with open_raw_zone(state, KEYS) as connection:
        assert connection.execute("SELECT count(*) FROM raw.orders").fetchone() == (2,)


def test_rows_read_are_accepted_set_aside_or_left_out(state: State, tmp_path: Path) -> None:
    write(tmp_path, {"o.csv": HEADER + LINES + "3,cyd\n4,dan,soon,1\n5,guest,2017-03-01,1\n" + LINES})

    assert land_files(state, tmp_path, "f") == Landing("orders", 7, accepted=2, quarantined=5, suppressed=0)
    with open_raw_zone(state, KEYS) as connection:
        reasons = connection.execute("SELECT reason FROM raw.quarantine ORDER BY ALL").fetchall()
        columns = {row[0] for row in connection.execute("DESCRIBE raw.orders").fetchall()}
    assert [row[0] for row in reasons] == [
        "customer_id: stands for nobody in particular",
        *["duplicate of another line in every column"] * 2,
        "line: missing columns",
        "ordered_at: not a timestamp",
    ]
    assert not {column for column in columns if column.startswith(("given_", "was_decimal_", "reason"))}


@pytest.mark.parametrize(
    ("content", "orders", "what"),
    [
        ("customer_id,amount\nann,5\n", {}, "lacks the required column 'ordered_at'"),
        (HEADER + LINES, {"columns": {"amount": "sqrt(amount)"}}, "cannot be read"),
        (HEADER + '3,"cyd,2017-03-01,1\n' + LINES * 20_000, {}, "a quote that never closes"),
    ],
)
def test_a_refused_landing_leaves_the_old_zone_and_nothing_else(
    state: State, tmp_path: Path, before: Landing, content: str, orders: dict, what: str
) -> None:
    write(tmp_path, {"o.csv": content})

    with pytest.raises(AimloopError, match=what):
        land_files(state, tmp_path, "new", **orders)

    assert_only_the_old_zone(state)


def test_a_file_that_vanishes_while_it_lands_leaves_the_old_zone(state: State, tmp_path: Path, before: Landing) -> None:
    tables = company.tables(settings_of(tmp_path, {"files": "o.csv"}))
    (tmp_path / "o.csv").unlink()

    with pytest.raises(AimloopError, match=r"'orders' cannot be read \(IOException\): o\.csv"):
        land(state, KEYS, tables, "new")

    assert_only_the_old_zone(state)


# ── killed ────────────────────────────────────────────────────────────────────────────────────

LANDER = """
import sys
from pathlib import Path
from infra.keys import Keys
from infra.intake.landing import land
from infra.settings import load
from infra.sources import company
from infra.state import State
folder = Path(sys.argv[1])
settings = load({}, folder, tables={"orders": {"files": "many.csv"}})
land(State(folder / "state"), Keys("a storage key", b"a pseudonym key"), company.tables(settings), "new")
"""


def test_a_landing_that_is_killed_leaves_the_old_zone_and_the_next_one_lands(
    state: State, tmp_path: Path, before: Landing
) -> None:
    lines = (f"{n},c{n % 999},2017-03-{n % 28 + 1:02} 10:00:{n % 60:02},{n % 90 + 10}\n" for n in range(400_000))
    write(tmp_path, {"many.csv": HEADER + "".join(lines)})
    process = subprocess.Popen([sys.executable, "-c", LANDER, str(tmp_path)])
    building = state.raw_zone.with_name("zone.building.duckdb")
    while not building.exists() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(0.3)

    os.kill(process.pid, signal.SIGKILL)

    assert process.wait() == -signal.SIGKILL
    assert landed(state, KEYS, "old") is not None
    land_files(state, tmp_path, "old")
    assert_only_the_old_zone(state)


# ── full ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes, all its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a small disk cannot be mounted here: {error}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_disk_that_fills_up_leaves_the_old_zone(small_disk: Path, tmp_path: Path) -> None:
    state = State(small_disk / "state").open()
    write(tmp_path, {"o.csv": HEADER + LINES})
    land_files(state, tmp_path, "old")
    lines = (f"{n},{hash(str(n))},2017-03-01 10:00,{n % 90 + 10}\n" for n in range(200_000))
    write(tmp_path, {"o.csv": HEADER + "".join(lines)})

    with pytest.raises(AimloopError, match="is full"), explained_disk_errors(state.root):
        land_files(state, tmp_path, "new")

    assert_only_the_old_zone(state)
