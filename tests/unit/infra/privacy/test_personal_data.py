"""Personal data are found in whatever form people write them; article numbers, sums, times and digests are not."""

from collections.abc import Iterator
from datetime import datetime

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.privacy.personal_data import LOOKED_AT, PersonalColumn, detect, fingerprint, test_of
from infra.sections import Privacy
from infra.warehouse import Connection, engine

test_of.__test__ = False  # its name says what it gives, not what it is


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    with engine(tmp_path_factory.mktemp("spill")) as connection:
        yield connection


def personal_ones(connection: Connection, values: list[str], kind: str = "text") -> list[str]:
    connection.register("given", pd.DataFrame({"v": pd.Series(values, dtype="str")}))
    return [value for (value,) in connection.execute(f"SELECT v FROM given WHERE {test_of(kind)}").fetchall()]


PHONES = [
    *("13812341234", "138 1234 1234", "138-1234-1234", "+86 138 1234 1234", "86-13812341234", "13812341234.0"),
    *("(555) 123-4567", "(555)123-4567", "555-123-4567", "555.123.4567", "1-800-555-1234", "+1 (555) 123-4567"),
    *("0151 2345678", "0151/23456789", "+49 (0)151 2345678", "030-1234567", "010-12345678", "0755-1234567"),
    *("020 7946 0958", "07911 123456", "03-1234-5678", "06 12 34 56 78", "06.12.34.56.78", "+33612345678"),
    *("call 13812341234 now", "电话13812341234。", "tel:13812341234", "Tel.13812341234", "13812341234,13912341234"),
]
EMAILS = [
    *("ada@example.com", "ADA.LOVELACE+news@mail.example.co.uk", "o_b@x-y.io", "a@b.de", "иван@почта.рф"),
    *("Ada <ada@example.com>", "mailto:ada@example.com", "write to ada@example.com.", "邮箱ada@example.com"),
]
ID_NUMBERS = [
    *("110101199001011237", "11010119900101123X", "id 110101199001011237", "123-45-6789", "078-05-1120"),
    *("DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819", "NO93 8601 1117 947"),
    *("NL91 ABNA 0417 1643 00", "FR14 2004 1010 0505 0001 3M02 606", "4111 1111 1111 1111", "5500-0000-0000-0004"),
]
NEITHER = [
    *("1029743", "4006381333931", "012345678905", "00012345678905", "0012345678905", "85123A", "SKU-13812341234"),
    *("978-3-16-148410-0", "978-0-306-40615-7", "803.542.38", "100-200-300", "RR123456789CN", "1Z999AA10123456784"),
    *("12.99", "1,234,567.89", "1 234 567,89", "12.345.678", "-17.50", "1e+15", "0.13812341234", "0,5", "99 %"),
    *("2017-01-02", "01-02-2017", "01.02.17 10.30", "2017-01-02 03:04:05.123456", "2017-01-02T03:04:05+01:00"),
    *("1512345678", "1512345678901", "1512345678901234", "2017-W01", "10:30", "UTC+0100", "GMT+1"),
    *("d41d8cd98f00b204e9800998ecf8427e", "550e8400-e29b-41d4-a716-446655440000", "dlpflphmcohjjnjeflfpedgh"),
    *("front page", "WHITE HANGING HEART T-LIGHT HOLDER", "SET OF 3 CAKE TINS 12 x 20 CM", "store 389", "age 35-44"),
    *("@home", "2 @ 3.50", "7UP@HOME", "DE12 PACK OF SOCKS BLUE", "192.168.100.123", "v1.2.3", "$50-74K", ""),
    *("138****1234", "a***@example.com", "***@example.com", "***1234", "A***", "****", "***"),
]


@pytest.mark.parametrize(("kind", "values"), [("phone", PHONES), ("email", EMAILS), ("id_number", ID_NUMBERS)])
def test_personal_data_are_known_by_their_kind(kind: str, values: list[str], connection: Connection) -> None:
    assert personal_ones(connection, values, kind) == values
    assert personal_ones(connection, values) == values


def test_other_things_look_like_neither(connection: Connection) -> None:
    assert [v for kind in ("text", "id_number") for v in personal_ones(connection, NEITHER, kind)] == []


def test_a_bare_card_number_is_one_when_its_check_digit_is_right(connection: Connection) -> None:
    cards, wrong = ["4111111111111111", "378282246310005"], ["4111111111111112", "378282246310006"]
    assert personal_ones(connection, cards + wrong, "id_number") == cards


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        *(("12 Main Street", True), ("221B Baker St, London", True), ("Hauptstr. 5", True), ("Lindenallee 12a", True)),
        *(("12 rue de la Paix", True), ("Calle de Alcalá 50", True), ("北京市朝阳区建国路88号", True)),
        *(("Springfield", False), ("North West", False), ("store 12", False), ("1 PINT MILK", False), ("35-44", False)),
    ],
)
def test_addresses_are_told_by_street_and_number(address: str, is_one: bool, connection: Connection) -> None:
    assert bool(personal_ones(connection, [address], "address")) == is_one


# ── generated ─────────────────────────────────────────────────────────────────────────────────

digits = {n: st.text("0123456789", min_size=n, max_size=n) for n in range(1, 15)}
phones = st.one_of(
    st.builds("1{}{}".format, st.sampled_from("3456789"), digits[9]),
    st.builds("+{} {} {}".format, st.sampled_from(["1", "33", "44", "49", "86", "351"]), digits[3], digits[7]),
    st.builds("({}) {}-{}".format, digits[3], digits[3], digits[4]),
    st.builds("{}{}-{}-{}".format, st.sampled_from("23456789"), digits[2], digits[3], digits[4]),
    st.builds("01{} {}".format, digits[2], digits[7]),
)
local = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,20}", fullmatch=True)
emails = st.builds(
    "{}@{}.{}".format, local, st.from_regex(r"[a-z0-9-]{1,15}", fullmatch=True), st.sampled_from(["de", "com", "co.uk"])
)
around = st.sampled_from(
    ["{}", "call {}", "{}, evenings", "<{}>", "“{}”", "tel: {}", '{{"contact": "{}"}}', "请拨打{}", "{}\n"]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.builds(lambda text, value: text.format(value), around, st.one_of(phones, emails)), min_size=20))
def test_phones_and_emails_are_found_in_any_text(connection: Connection, values: list[str]) -> None:
    assert personal_ones(connection, values) == values


harmless = st.one_of(
    digits[8],
    digits[12],
    digits[13],  # EAN-13
    digits[14],
    st.floats(-1e9, 1e9).map(lambda amount: f"{amount:.2f}"),
    st.floats(0, 1).map(str),
    st.floats(0, 1).map(lambda share: f"{share:.11f}"),
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)).map(lambda time: time.isoformat()),
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)).map(str),
    st.dates().map(lambda day: day.strftime("%d/%m/%Y")),
    st.binary(min_size=16, max_size=16).map(bytes.hex),  # md5
    st.uuids().map(str),
    st.text("abcdefghijklmnop", min_size=24, max_size=24),  # a pseudonym
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ -&", max_size=40),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(harmless, min_size=20))
def test_article_numbers_sums_times_and_digests_are_let_be(connection: Connection, values: list[str]) -> None:
    assert personal_ones(connection, values) == []


# ── columns ───────────────────────────────────────────────────────────────────────────────────


def found(connection: Connection, frame: dict[str, list[object]], **privacy: object) -> dict[str, tuple[str, str]]:
    """Column → (kind, how)."""
    connection.register("frame", pd.DataFrame(frame))
    columns = detect(connection, "frame", list(frame), privacy.get("declared", {}), privacy.get("not_personal", ()))
    return {column.column: (column.kind, column.how) for column in columns}


def test_columns_are_told_by_their_values_whatever_their_name(connection: Connection) -> None:
    columns = {
        "a": ["13812341234", "13912341234", None],
        "b": ["ada@example.com", "bob@example.com", "none"],
        "c": ["110101199001011237", "unknown", "11010119900101123X"],
        "d": ["12 Main Street", "4 Low Road", "7 Park Lane"],
        "e": [13812341234, 13912341234, 13712341234],
        "f": [13812341234.0, None, 13712341234.0],
        "g": ["likes tea", "ring 13812341234", "no calls"],
        "h": ["gold", "silver", "gold"],
        "i": pd.to_datetime(["2017-01-02", "2017-01-03", None]),
        "j": [True, False, True],
    }
    assert found(connection, columns) == {
        "a": ("phone", "values"),
        "b": ("email", "values"),
        "c": ("id_number", "values"),
        "d": ("address", "values"),
        "e": ("phone", "values"),
        "f": ("phone", "values"),
        "g": ("text", "values"),
    }


def test_a_name_lowers_what_values_must_look_like_but_does_not_decide_alone(connection: Connection) -> None:
    columns = {
        "attr_phone": ["5551234567", "5559876543", "unknown"],
        "attr_mobile": ["yes", "no", "yes"],
        "email_since": ["2017-01-02", "2017-01-03", None],
        "work_tel": ["2017-01-02", "2017-01-03", None],
        "customer_name": ["Ada Lovelace", "李雷", "Jean-Luc O’Neil"],
        "name": ["#1001", "#1002", "#1003"],
        "passport": ["C01X00T47", "C01X00T48", None],
        "home_address": ["Lindenallee 12a", "Im Winkel 3", "上海市"],
        "landing": ["5551234567", "5559876543", "5551112222"],
        'attr_12" "phone"': ["5551234567", None, None],
    }
    assert found(connection, columns) == {
        "attr_phone": ("phone", "name"),
        "customer_name": ("name", "name"),
        "passport": ("id_number", "name"),
        "home_address": ("address", "name"),
        'attr_12" "phone"': ("phone", "name"),
    }


def test_what_people_say_of_a_column_wins(connection: Connection) -> None:
    columns = {"a": ["x", "y"], "phone": ["13812341234", "13912341234"], "flag": [True, False]}
    said = {"declared": {"a": "name", "flag": "id_number"}, "not_personal": ["phone", "flag"]}
    assert found(connection, columns, **said) == {"a": ("name", "declared"), "flag": ("id_number", "declared")}


def test_a_column_of_nothing_is_not_personal_and_no_columns_are_fine(connection: Connection) -> None:
    connection.execute("CREATE OR REPLACE TABLE empty (phone VARCHAR, n BIGINT)")
    assert detect(connection, "empty", ["phone", "n"], {}, ()) == []
    assert detect(connection, "empty", [], {}, ()) == []


@pytest.mark.parametrize("rows", [LOOKED_AT // 2, 3 * LOOKED_AT])
def test_one_phone_among_many_values_is_found_and_its_share_told(rows: int, connection: Connection) -> None:
    """Shares of kinds come from a sample; that nothing is there is said only when everything was looked at."""
    note = f"CASE WHEN i = {rows // 3} THEN 'ring 13812341234' ELSE 'note ' || i END"
    connection.execute(f"CREATE OR REPLACE TABLE many AS SELECT {note} AS note FROM range({rows}) t(i)")
    (column,) = detect(connection, "many", ["note"], {}, ())
    assert column == PersonalColumn("note", "text", pytest.approx(1 / rows), "values")


def test_a_share_of_many_values_is_estimated_and_always_the_same(connection: Connection) -> None:
    value = "CASE WHEN i % 10 < 7 THEN (13800000000 + i)::VARCHAR ELSE 'note ' || i END"
    connection.execute(f"CREATE OR REPLACE TABLE many AS SELECT {value} AS v FROM range({4 * LOOKED_AT}) t(i)")
    (column,) = detect(connection, "many", ["v"], {}, ())
    assert column.kind == "phone"
    assert column.share == pytest.approx(0.7, abs=0.02)
    assert [column] == detect(connection, "many", ["v"], {}, ())


def test_the_fingerprint_tells_settings_that_change_what_is_found() -> None:
    settings_of = [
        Privacy(),
        Privacy(personal={"attr_home": "address"}),
        Privacy(personal={"attr_home": "name"}),
        Privacy(not_personal=("ean",)),
    ]
    assert len({fingerprint(privacy) for privacy in settings_of}) == 4
    assert fingerprint(Privacy(not_personal=("a", "b"))) == fingerprint(Privacy(not_personal=("b", "a")))
    assert fingerprint(Privacy(contact_roles=("agent",))) == fingerprint(Privacy())
