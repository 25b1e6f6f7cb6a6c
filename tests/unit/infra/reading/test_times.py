"""Times as exports write them: worked examples, column by column."""

from collections.abc import Sequence
from datetime import datetime

import duckdb
import pytest

from infra.reading import times


def read(texts: Sequence[str], told: bool | None = None, zone: str = "UTC") -> list[datetime | None]:
    """One column of texts, read by what it shows, in UTC."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("CREATE TABLE cells (position INTEGER, text VARCHAR)")
        connection.executemany("INSERT INTO cells VALUES (?, ?)", list(enumerate(texts)))
        day_first = times.shows_day_first("cells", "text", told, connection)
        found = connection.execute(f"SELECT {times.expression('text', day_first, zone)} FROM cells ORDER BY position")
        return [row[0] for row in found.fetchall()]


EVENING = datetime(2017, 4, 3, 20, 26)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("3.4.2017 20:26", EVENING),
        ("03.04.17 20:26:00", EVENING),
        ("3-Apr-2017 20:26", EVENING),
        ("3 April 2017 8:26 PM", EVENING),
        ("Apr 3, 2017, 8:26:00 PM", EVENING),
        ("April 3 2017", datetime(2017, 4, 3)),
        ("2017/4/3 20:26", EVENING),
        ("2017.04.03 20:26", EVENING),
        ("2017-04-03 08:26 PM", EVENING),
        ("2017-04-03T20:26Z", EVENING),
        ("2017-04-03 20:26:00,500", datetime(2017, 4, 3, 20, 26, 0, 500000)),
        ("20170403", datetime(2017, 4, 3)),
        ("20170403T202600Z", EVENING),
        ("20170403202600", EVENING),
        ("20170403 20:26", EVENING),
        ("1491251160", EVENING),
        ("1491251160.0", EVENING),
        ("1491251160000", EVENING),
        ("1491251160000000", EVENING),
        ("42828", datetime(2017, 4, 3)),
        ("42828.85139", datetime(2017, 4, 3, 20, 26, 0, 96000)),
        ("03.04.70", datetime(1970, 4, 3)),
        ("03.04.69", datetime(2069, 4, 3)),
    ],
)
def test_one_instant_in_many_ways(text: str, time: datetime) -> None:
    assert read([text]) == [time]


@pytest.mark.parametrize(
    "text",
    [
        *("soon", "", "2017", "10:00", "epoch", "infinity", "now", "today"),
        *("30/2/2017", "31.4.2017", "2017-13-01", "20171301", "0000-00-00", "2017-02-30", "32-Apr-2017"),
        *("3.4.2017 25:00", "3.4.2017 later", "2017/4/3 20:26:61", "12345678901234567890"),
    ],
)
def test_what_is_no_time_is_not_made_one(text: str) -> None:
    assert read([text]) == [None]


@pytest.mark.parametrize(
    ("texts", "days_and_months"),
    [
        (["3/4/2017", "14/3/2017"], [(3, 4), (14, 3)]),
        (["3/4/2017", "3/14/2017"], [(4, 3), (14, 3)]),
        (["3/4/2017", "5/6/2017"], [None, None]),
        (["3/4/2017", "14/3/2017", "3/14/2017"], [None, (14, 3), (14, 3)]),
        (["3.4.2017", "3-14-2017"], [(3, 4), (14, 3)]),
        (["13.4.2017", "3/4/2017"], [(13, 4), None]),
    ],
)
def test_the_column_says_whether_the_day_comes_first(
    texts: list[str], days_and_months: list[tuple[int, int] | None]
) -> None:
    assert [time and (time.day, time.month) for time in read(texts)] == days_and_months


def test_what_was_told_wins_and_a_value_that_contradicts_it_is_not_read() -> None:
    assert read(["3/4/2017", "3/14/2017"], told=True) == [datetime(2017, 4, 3), None]
    assert read(["3/4/2017", "14/3/2017"], told=False) == [datetime(2017, 3, 4), None]
    assert read(["3.4.2017", "3.14.2017"], told=False) == [datetime(2017, 4, 3), datetime(2017, 3, 14)]


@pytest.mark.parametrize(
    ("clock", "utc"),
    [
        ("26.3.2017 01:59", datetime(2017, 3, 26, 0, 59)),  # winter, an hour ahead of UTC
        ("26.3.2017 03:00", datetime(2017, 3, 26, 1, 0)),  # a minute later: summer, two hours ahead
        ("26.3.2017 02:30", datetime(2017, 3, 26, 1, 30)),  # no clock showed that: read as winter's
        ("29.10.2017 01:59", datetime(2017, 10, 28, 23, 59)),
        ("29.10.2017 02:30", datetime(2017, 10, 29, 1, 30)),  # shown twice: the second time
        ("29.10.2017 03:00", datetime(2017, 10, 29, 2, 0)),
        ("20170601", datetime(2017, 5, 31, 22, 0)),
    ],
)
def test_clocks_of_a_zone_over_its_summer_time(clock: str, utc: datetime) -> None:
    assert read([clock], zone="Europe/Berlin") == [utc]


@pytest.mark.parametrize("instant", ["1491251160", "1491251160000", "20170403T202600Z", "2017.04.03 22:26:00+02:00"])
def test_what_tells_the_instant_itself_is_not_moved_by_a_zone(instant: str) -> None:
    assert read([instant], zone="America/New_York") == [EVENING]


def test_the_rule_that_served_has_a_name() -> None:
    texts = ["3/4/2017", "20170403", "1491251160", "3-Apr-2017", "2017-04-03T20:26Z", "42828"]
    with duckdb.connect() as connection:
        rules = [connection.execute(f"SELECT {times.rule('t')} FROM (SELECT ? AS t)", [t]).fetchone()[0] for t in texts]

    assert rules == [
        *("day and month", "compact date", "epoch seconds", "named month"),
        *("year first, with an offset", "Excel days"),
    ]
