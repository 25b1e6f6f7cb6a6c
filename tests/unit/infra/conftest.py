"""What tests of the ground share: a state folder, a small disk, two known keys, a raw zone and a warehouse."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from disks import mount
from landing_examples import InZone

from infra.intake.raw_zone import open_raw_zone
from infra.keys import Keys
from infra.state import State
from infra.warehouse import Generation, finish, start_generation


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path / "state").open()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes, all its own: room for one encrypted zone and a bit."""
    disk = tmp_path / "disk"
    disk.mkdir()
    try:
        mount("-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk))
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a small disk cannot be mounted here: {error}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.fixture
def keys() -> Keys:
    return Keys(storage="a storage key", pseudonym=b"a pseudonym key", tombstone=b"a tombstone key")


@pytest.fixture
def in_zone(state: State, keys: Keys) -> InZone:
    """Rows of a query of the raw zone."""

    def query(sql: str) -> list[tuple[Any, ...]]:
        with open_raw_zone(state, keys) as connection:
            return connection.execute(sql).fetchall()

    return query


@pytest.fixture
def marts(state: State) -> Generation:
    """A generation of the warehouse with two small marts."""
    fresh = start_generation(state, "g", pd.Timestamp("2017-12-04"))
    fresh.execute("CREATE SCHEMA marts")
    fresh.execute(
        """CREATE TABLE marts.channel_results AS SELECT * FROM (VALUES
               ('mailer',  100.0, 4.0, 0.04, 0, 0, NULL::DOUBLE, 'a'),
               ('display',  50.0, 1.0, 0.02, 9, 3, 0.33,         'b')
           ) t(channel, impressions, clicks, click_ratio, contacts, responses, response_ratio, attr_colour)"""
    )
    fresh.execute(
        """CREATE TABLE marts.scores AS
           SELECT *, 3 AS contact_day,
                  10.0 AS expected_revenue_90d, 5.0 AS expected_revenue_low, 20.0 AS expected_revenue_high
           FROM (VALUES
               ('c1', TIMESTAMP '2017-12-04', 'ann', 'loyal', '555', 0.1, 'low',  NULL::VARCHAR),
               ('c1', TIMESTAMP '2017-12-04', 'bob', 'new',   '511', 0.5, 'high', NULL),
               ('c2', TIMESTAMP '2017-12-11', 'ann', 'loyal', '554', 0.2, 'low',  'p1 p2')
           ) t(cycle_id, as_of, pseudonym, segment, rfm, churn_probability, risk_band, best_products)"""
    )
    return finish(state, "g")
