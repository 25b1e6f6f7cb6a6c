"""What intake makes of cells: read by what their column shows, counted by rule, or set aside; never in silence."""

from datetime import datetime
from pathlib import Path

import pytest
from company_examples import HEADER, take, write


def cells(folder: Path, column: str, *texts: str, **conventions: object) -> tuple[list, list[str], dict]:
    """One order line a text: what was accepted of that column, why the others were not, which rules served."""
    row = {"order_id": "{n}", "customer_id": "c{n}", "ordered_at": "2017-03-01 12:00", "amount": "5", "quantity": "1"}
    rows = ["|".join({**row, column: text}.values()).replace("{n}", str(n)) for n, text in enumerate(texts)]
    write(folder, {"o.csv": "|".join({**row, column: ""}) + "\n" + "\n".join(rows) + "\n"})
    taken = take(folder, {"files": "o.csv", "delimiter": "|", **conventions}, column)
    return [row[0] for row in taken.accepted], taken.reasons, taken.rules


# ── amounts ───────────────────────────────────────────────────────────────────────────────────


def test_plain_numbers_need_no_rule(tmp_path: Path) -> None:
    assert cells(tmp_path, "amount", "5", " 6.5 ", "-7") == ([5.0, 6.5, -7.0], [], {})


def test_decimal_commas(tmp_path: Path) -> None:
    accepted, reasons, rules = cells(tmp_path, "amount", "1.234,50", "12,5", "7", "much")

    assert (accepted, reasons) == ([1234.5, 12.5, 7.0], ["amount: not a double"])
    assert rules == {("amount", "decimal comma"): 3}


def test_thousands_and_currencies(tmp_path: Path) -> None:
    accepted, reasons, rules = cells(tmp_path, "amount", "1,234.50", "$12.50", "(3)", "7")

    assert (accepted, reasons, rules) == ([1234.5, 12.5, -3.0, 7.0], [], {("amount", "thousands or currency"): 3})


def test_a_value_that_was_cast_at_first_and_turns_out_ambiguous_is_set_aside(tmp_path: Path) -> None:
    """1.234 casts at once; that the column also holds 1,5 is seen only later."""
    accepted, reasons, rules = cells(tmp_path, "amount", "1.234", "1,5", "1.5", "7")

    assert (accepted, reasons) == ([1.5, 1.5, 7.0], ["amount: decimals or thousands? Set decimal_comma"])
    assert rules == {("amount", "both decimal signs"): 3}


def test_a_value_that_was_cast_at_first_and_turns_out_to_be_no_number_is_set_aside(tmp_path: Path) -> None:
    """With a decimal comma, points stand between thousands."""
    assert cells(tmp_path, "amount", "123456.789", "1,5", "7")[:2] == ([1.5, 7.0], ["amount: not a double"])


def test_a_column_that_says_nothing_follows_its_neighbours(tmp_path: Path) -> None:
    """A German quantity of a thousand casts at once, to 1."""
    write(tmp_path, {"o.csv": HEADER.replace("\n", ",quantity\n").replace(",", ";") + "1;ann;1.3.2017;5,50;1.000\n"})

    assert take(tmp_path, {"files": "o.csv"}, "amount, quantity").accepted == [(5.5, 1000.0)]
    assert take(tmp_path, {"files": "o.csv", "columns": {"amount": "5"}}, "quantity").accepted == [(1.0,)]


def test_a_value_that_is_read_anew_is_judged_anew(tmp_path: Path) -> None:
    assert cells(tmp_path, "amount", "999.999", "1,5", "1.999.999.999,5") == (
        [999999.0, 1.5],
        ["amount: must be at most 1e+09"],
        {("amount", "decimal comma"): 3},
    )


def test_ambiguous_columns_say_which_setting_decides(tmp_path: Path) -> None:
    assert cells(tmp_path, "amount", "1,234", "5,678")[1] == ["amount: decimals or thousands? Set decimal_comma"] * 2
    assert (
        cells(tmp_path, "ordered_at", "3/4/2017", "5/6/2017")[1]
        == ["ordered_at: day or month first? Set day_first"] * 2
    )
    assert cells(tmp_path, "ordered_at", "30/2/2017", "31/4/2017")[1] == ["ordered_at: not a timestamp"] * 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nan", "amount: missing"),
        ("inf", "amount: not finite"),
        ("1e400", "amount: not finite"),
        ("-", "amount: missing"),
    ],
)
def test_what_is_no_finite_number_is_set_aside(tmp_path: Path, text: str, reason: str) -> None:
    assert cells(tmp_path, "amount", text, "5")[:2] == ([5.0], [reason])


# ── times ─────────────────────────────────────────────────────────────────────────────────────


def test_mixed_formats_and_offsets_in_one_column(tmp_path: Path) -> None:
    texts = (
        "2017-03-01",
        "2017-03-01T00:00:00Z",
        "2017-03-01 02:00:00+02:00",
        "1.3.2017",
        "1488326400",
        "1488326400000",
    )

    accepted, reasons, rules = cells(tmp_path, "ordered_at", *texts, "soon")

    assert (accepted, reasons) == ([datetime(2017, 3, 1)] * 6, ["ordered_at: not a timestamp"])
    assert {rule for _, rule in rules} == {*("day first", "epoch seconds", "epoch milliseconds")}


def test_short_american_dates_are_not_taken_for_the_first_century(tmp_path: Path) -> None:
    """The form of UCI's Online Retail; DuckDB casts it to the year 12."""
    assert cells(tmp_path, "ordered_at", "12/1/10 8:26", "12/13/10 9:00")[0] == [
        datetime(2010, 12, 1, 8, 26),
        datetime(2010, 12, 13, 9),
    ]


@pytest.mark.parametrize("text", ["epoch", "infinity", "now", "2017-03-01 25:00", "9999-12-31", "0000-00-00"])
def test_words_of_the_engine_and_absurd_years_are_no_times(tmp_path: Path, text: str) -> None:
    accepted, reasons, _ = cells(tmp_path, "ordered_at", text)

    assert accepted == []
    assert reasons[0].startswith("ordered_at: ")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2017-03-26 01:59", datetime(2017, 3, 26, 0, 59)),
        ("2017-03-26 03:00:00", datetime(2017, 3, 26, 1)),
        ("26.3.2017 03:00", datetime(2017, 3, 26, 1)),
        ("2017-03-26T03:00:00+05:30", datetime(2017, 3, 25, 21, 30)),
        ("2017-03-26T03:00Z", datetime(2017, 3, 26, 3)),
        ("1490497200", datetime(2017, 3, 26, 3)),
    ],
)
def test_a_zone_over_its_summer_time(tmp_path: Path, text: str, utc: datetime) -> None:
    assert cells(tmp_path, "ordered_at", text, time_zone="Europe/Berlin")[0] == [utc]


def test_what_is_told_from_the_time_of_an_event_follows_it(tmp_path: Path) -> None:
    """Without columns of their own: when a line landed, and to which order it belongs."""
    write(
        tmp_path, {"o.csv": "customer_id;ordered_at;amount\nann;2017-06-01 02:00:00;5\nbob;1.6.2017 02:00;6\ncyd;;7\n"}
    )

    taken = take(tmp_path, {"files": "o.csv", "time_zone": "Europe/Berlin"}, "ordered_at, landed_at, order_id")

    assert taken.accepted == [(datetime(2017, 6, 1), datetime(2017, 6, 1), "2017-06-01 00:00:00")] * 2
    assert taken.reasons == ["ordered_at: missing"]


# ── ids, words for nothing, truth values ──────────────────────────────────────────────────────


def test_ids_that_are_numbers_in_one_file_and_texts_in_another(tmp_path: Path) -> None:
    texts = ("12345.0", "12345", "-7.0", "0012.0", "1.0.0", "1.50", "A.0")

    accepted, _, rules = cells(tmp_path, "customer_id", *texts)

    assert accepted == ["12345", "12345", "-7", "0012", "1.0.0", "1.50", "A.0"]
    assert rules == {("customer_id", "whole number id"): 3}


def test_ids_stay_as_they_are_where_that_is_set(tmp_path: Path) -> None:
    write(tmp_path, {"o.csv": HEADER + "1.0,7.0,2017-03-01,5\n"})

    kept = take(tmp_path, {"files": "o.csv"}, "order_id, customer_id", cleaning={"whole_number_ids": False})

    assert (kept.accepted, kept.rules) == ([("1.0", "7.0")], {})


def test_blanks_around_a_value_are_no_part_of_it(tmp_path: Path) -> None:
    write(tmp_path, {"o.csv": HEADER + " 1 ,  ann  , 2017-03-01 , 5 \n"})

    assert take(tmp_path, {"files": "o.csv"}).accepted == [("1", "ann", datetime(2017, 3, 1), 5.0)]


def test_truth_values(tmp_path: Path) -> None:
    answers = ("ja", "NEIN", "1", "0", "true", "F", "maybe", "2")
    write(
        tmp_path, {"c.csv": "customer_id,consent_marketing\n" + "".join(f"c{n},{a}\n" for n, a in enumerate(answers))}
    )

    taken = take(tmp_path, {"files": "c.csv"}, "consent_marketing", "customers")

    assert taken.accepted == [(True,), (False,), (True,), (False,), (True,), (False,)]
    assert taken.reasons == ["consent_marketing: not a boolean"] * 2
    assert taken.rules == {("consent_marketing", "yes and no"): 2}
