"""A company's tables by configuration: mapping, expressions, conditions, several inputs, names that are wrong."""

from datetime import datetime
from pathlib import Path

import pytest
from company_examples import HEADER, LINES, TWO_ORDERS, refusal, settings_of, take, write

from infra.sources import company

GERMAN = """Rechnung;Kunde;Datum;Menge;Preis;Art
1;12345.0;01.03.2017;11;0,50;V
2;00017;02.03.2017;1.000;1,25;R
3;00018;13.03.2017;viel;2,00;V
"""
GERMAN += "".join(f"{n};00019;14.03.2017;1;{n},50;V\n" for n in range(4, 24))
MAPPING = {"order_id": "Rechnung", "customer_id": "Kunde", "ordered_at": "Datum"}


def german(folder: Path, **columns: str) -> list[tuple]:
    write(folder, {"g.csv": GERMAN})
    return take(folder, {"files": "g.csv", "columns": MAPPING | columns}).accepted


# ── expressions ───────────────────────────────────────────────────────────────────────────────


def test_texts_are_reckoned_with_as_the_numbers_they_stand_for(tmp_path: Path) -> None:
    write(tmp_path, {"g.csv": GERMAN})

    taken = take(tmp_path, {"files": "g.csv", "columns": MAPPING | {"amount": "Menge * Preis"}})

    assert taken.accepted[:3] == [
        ("1", "12345", datetime(2017, 3, 1), 5.5),
        ("2", "00017", datetime(2017, 3, 2), 1250.0),
        ("4", "00019", datetime(2017, 3, 14), 4.5),
    ]
    assert taken.aside == [("amount: not a double", ("3", "00018", datetime(2017, 3, 13), None))]


@pytest.mark.parametrize(
    ("expression", "first_two"),
    [
        ("case when Art = 'R' then -Preis else Preis end", [0.5, -1.25]),
        ("if(Art = 'R', -1, 1) * Preis", [0.5, -1.25]),
        ("round(abs(Preis) * 3, 1)", [1.5, 3.8]),
        ("coalesce(Preis, 0) + 1", [1.5, 2.25]),
        ("greatest(Preis, 1)", [1.0, 1.25]),
        ("cast(Preis as double) / 2", [0.25, 0.625]),
        ("Preis", [0.5, 1.25]),
        ("case when Preis > 1 then 2 else 1 end", [1.0, 2.0]),
        ("case when Preis between 0.4 and 0.6 then 1 else 2 end", [1.0, 2.0]),
        ("case when Menge in (11, 12) then 1 else 2 end", [1.0, 2.0]),
    ],
)
def test_amounts_by_expression(tmp_path: Path, expression: str, first_two: list[float]) -> None:
    assert [row[3] for row in german(tmp_path, amount=expression)[:2]] == first_two


@pytest.mark.parametrize(
    ("expression", "first_two"),
    [
        ("coalesce(Kunde, Art)", ["12345", "00017"]),
        ("concat(Kunde, '/', Art)", ["12345.0/V", "00017/R"]),
        ("Kunde || Preis", ["12345.00,50", "000171,25"]),
        ("lpad(Kunde, 7, 'x')", ["12345", "xx00017"]),
        ("if(Preis > 1, Kunde, 'few')", ["few", "00017"]),
        ("case when Kunde = '00017' then 'her' else 'him' end", ["him", "her"]),
    ],
)
def test_texts_stay_texts_where_nothing_is_reckoned(tmp_path: Path, expression: str, first_two: list[str]) -> None:
    """Ids with leading zeros would lose them."""
    found = [row[1] for row in german(tmp_path, customer_id=expression, amount="Preis")[:2]]

    assert found == first_two


def test_a_time_may_be_put_together(tmp_path: Path) -> None:
    write(tmp_path, {"o.csv": "day,clock,customer_id,amount\n20170301,0:00,ann,5.5\n20170302,10:00,bob,-6\n"})
    columns = {"ordered_at": "concat(day, ' ', clock)", "order_id": "right(day, 1)"}

    assert take(tmp_path, {"files": "o.csv", "columns": columns}).accepted == TWO_ORDERS


def test_an_expression_over_too_few_numbers_is_refused_with_what_to_do(tmp_path: Path) -> None:
    write(tmp_path, {"o.csv": HEADER + LINES})

    error = refusal(tmp_path, {"files": "o.csv", "columns": {"amount": "amount * customer_id"}})

    assert error.what.startswith('tables.orders.columns.amount: "amount" * "customer_id" does not fit the columns')


@pytest.mark.parametrize(
    "expression",
    [
        *("read_text('/etc/passwd')", "(select 1)", "amount; drop table x", "getenv('HOME')", "random()"),
        *("(select content from read_text('x'))", "current_setting('x')", "amount) from x --", "sum(amount)"),
    ],
)
@pytest.mark.parametrize("where", ["columns", "where"])
def test_an_expression_can_neither_read_nor_write_elsewhere(tmp_path: Path, expression: str, where: str) -> None:
    write(tmp_path, {"o.csv": HEADER + LINES})
    setting = {"columns": {"amount": expression}} if where == "columns" else {"where": expression}

    assert refusal(tmp_path, {"files": "o.csv", **setting}).what.startswith(f"tables.orders.{where}")


# ── where ─────────────────────────────────────────────────────────────────────────────────────


def test_rows_that_are_wanted_are_taken(tmp_path: Path) -> None:
    write(tmp_path, {"o.csv": HEADER + LINES})

    assert take(tmp_path, {"files": "o.csv", "where": "amount > 0"}).accepted == TWO_ORDERS[:1]
    assert take(tmp_path, {"files": "o.csv", "where": "customer_id = 'bob'"}).accepted == TWO_ORDERS[1:]


def test_a_row_of_which_nobody_can_say_is_set_aside_and_not_dropped(tmp_path: Path) -> None:
    write(tmp_path, {"g.csv": GERMAN})
    columns = MAPPING | {"amount": "Preis"}

    taken = take(tmp_path, {"files": "g.csv", "columns": columns, "where": "Menge > 10"})
    either = take(tmp_path, {"files": "g.csv", "columns": columns, "where": "Menge > 10 or Art = 'V'"})

    assert [row[0] for row in taken.accepted] == ["1", "2"]
    assert taken.aside == [("where: cannot be judged", ("3", "00018", datetime(2017, 3, 13), 2.0))]
    assert (len(either.accepted), either.aside) == (23, [])


# ── several inputs ────────────────────────────────────────────────────────────────────────────


def test_each_input_has_conventions_of_its_own(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "us.csv": HEADER + "1,ann,3/4/2017 19:00,1.234\n",
            "de.csv": HEADER.replace(",", ";") + "2;bob;3/4/2017 02:00;1.234\n",
        },
    )
    us = {"files": "us.csv", "day_first": False, "time_zone": "America/New_York"}
    de = {"files": "de.csv", "day_first": True, "time_zone": "Europe/Berlin", "decimal_comma": True}

    taken = take(tmp_path, [us, de])

    assert taken.accepted == [
        ("1", "ann", datetime(2017, 3, 5), 1.234),
        ("2", "bob", datetime(2017, 4, 3), 1234.0),
    ]


def test_orders_from_one_folder_and_customers_from_another(tmp_path: Path) -> None:
    write(tmp_path, {"shop/o.csv": HEADER + LINES, "crm/c.jsonl": '{"id": 17, "attr_pet": "cat"}'})
    settings = settings_of(
        tmp_path,
        {"source": "shop", "files": "*.csv"},
        sources={"shop": {"folder": "shop"}, "crm": {"folder": "crm"}},
    )
    customers = settings_of(
        tmp_path,
        {"source": "crm", "files": "*", "columns": {"customer_id": "id"}},
        "customers",
        sources={"crm": {"folder": "crm"}},
    )
    both = settings.model_copy(
        update={"tables": settings.tables | customers.tables, "sources": settings.sources | customers.sources}
    )

    assert [(table.name, table.origin) for table in company.tables(both)] == [("orders", "*.csv"), ("customers", "*")]


# ── names that are wrong ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "what", "nearest"),
    [
        ({"source": "flies"}, "there is no section [sources.flies]", "files"),
        ({"columns": {"amout": "amount"}}, "tables.orders.columns: 'amout' is no column of orders", "amount"),
        ({"columns": {"attr_pet": "amount"}}, "tables.orders.columns: 'attr_pet' is no column of orders", None),
        ({"columns": {"amount": "Amuont"}}, "tables.orders.columns.amount: there is no column 'Amuont'", "amount"),
        ({"where": "amuont > 1"}, "tables.orders.where: there is no column 'amuont'", "amount"),
        (
            {"time_zone": "Europe/Berln"},
            "tables.orders.time_zone: there is no time zone 'Europe/Berln'",
            "Europe/Berlin",
        ),
        ({"time_zone": "x'); DROP"}, "tables.orders.time_zone: there is no time zone 'x'); DROP'", None),
        ({"delimiter": "|||||"}, "the delimiter '|||||' is too long", None),
    ],
)
def test_the_nearest_name_is_told(tmp_path: Path, change: dict, what: str, nearest: str | None) -> None:
    write(tmp_path, {"o.csv": HEADER + LINES})

    error = refusal(tmp_path, {"files": "o.csv", **change})

    assert error.what == what
    assert (f"did you mean '{nearest}'?" in error.remedy) if nearest else "did you mean" not in error.remedy


def test_an_unknown_table_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"o.csv": HEADER + LINES})

    error = refusal(tmp_path, {"files": "o.csv"}, "order")

    assert (error.what, error.remedy.split("?")[0]) == (
        "[tables.order] is no table of the raw contract",
        "did you mean 'orders'",
    )


def test_a_table_without_a_file_or_a_table_is_refused(tmp_path: Path) -> None:
    assert 'give files = "…" or table = "…"' in refusal(tmp_path, {"columns": {}}).what


# ── fingerprints ──────────────────────────────────────────────────────────────────────────────


def test_the_fingerprint_changes_with_files_and_mapping_and_with_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, {"o.csv": HEADER + LINES, "elsewhere/o.csv": HEADER + LINES})
    before = company.fingerprint(settings_of(tmp_path, {"files": "o.csv"}))

    assert company.fingerprint(settings_of(tmp_path / "elsewhere", {"files": "o.csv"})) == before
    assert company.fingerprint(settings_of(tmp_path, {"files": "o.csv"}, seed=5)) == before
    assert company.fingerprint(settings_of(tmp_path, {"files": "o.csv", "where": "amount > 0"})) != before
    assert company.fingerprint(settings_of(tmp_path, {"files": "*.csv", "day_first": True})) != before
    write(tmp_path, {"o.csv": HEADER + LINES + "3,cyd,2017-03-03,1\n"})
    assert company.fingerprint(settings_of(tmp_path, {"files": "o.csv"})) != before


def test_columns_that_differ_in_case_alone_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {"c.csv": "customer_id,x,y\nann,1,2\n"})
    columns = {"attr_card": "x", "attr_Card": "y"}
    said = refusal(tmp_path, {"files": "c.csv", "columns": columns}, "customers")
    assert "'attr_card' is there twice" in said.what
