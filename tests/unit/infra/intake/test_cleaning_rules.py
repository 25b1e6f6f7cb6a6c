"""Each rule for real dirt: what it sets aside, what it lets be, and the setting that changes it."""

from datetime import datetime
from pathlib import Path

import pytest
from company_examples import HEADER, take, write

from infra.intake.cleaning_rules import ABSURD, DUPLICATE, NO_PRODUCT, NOBODY, SKEWED, ZERO


def orders(folder: Path, *lines: str, header: str = HEADER, now: datetime | None = None, **cleaning: object):
    write(folder, {"o.csv": header + "".join(f"{line}\n" for line in lines)})
    return take(folder, {"files": "o.csv"}, "order_id", now=now, cleaning=cleaning)


# ── duplicates ────────────────────────────────────────────────────────────────────────────────

SAME = "1,ann,2017-03-01 10:00,5.0"


def test_of_equal_lines_the_first_is_kept_however_they_are_written(tmp_path: Path) -> None:
    taken = orders(
        tmp_path, SAME, "1,ann,2017-03-01T10:00:00,5", "1,ann,2017-03-01 10:00,6", " 1 ,ann,1.3.2017 10:00,5"
    )

    assert (taken.accepted, taken.reasons) == ([("1",), ("1",)], [DUPLICATE] * 2)


def test_equal_lines_are_kept_where_that_is_set(tmp_path: Path) -> None:
    assert orders(tmp_path, SAME, SAME, exact_duplicates="keep").reasons == []


def test_equal_lines_of_a_day_without_an_order_id_may_be_two_purchases(tmp_path: Path) -> None:
    header = "customer_id,ordered_at,amount\n"

    assert orders(tmp_path, *["ann,2017-03-01,5"] * 2, header=header).reasons == []
    assert orders(tmp_path, *["ann,2017-03-01 10:00,5"] * 2, header=header).reasons == [DUPLICATE]


# ── amounts ───────────────────────────────────────────────────────────────────────────────────


def test_a_zero_that_no_discount_explains(tmp_path: Path) -> None:
    header = HEADER.replace("\n", ",discount\n")
    lines = ("1,ann,2017-03-01,0,0", "2,ann,2017-03-01,0,", "3,ann,2017-03-01,0,4.5", "4,ann,2017-03-01,-0.0,0")

    assert orders(tmp_path, *lines, header=header).reasons == [ZERO] * 3
    assert orders(tmp_path, *lines, header=header, zero_amounts="keep").reasons == []


def test_an_amount_that_is_absurd_beside_all_others(tmp_path: Path) -> None:
    usual = [f"{n},ann,2017-03-{n % 28 + 1:02},{n % 90 + 10}" for n in range(500)]
    odd = ["a,ann,2017-04-01,98000", "b,ann,2017-04-01,100000", "c,bob,2017-04-01,-100000"]

    assert orders(tmp_path, *usual, *odd).reasons == [ABSURD] * 2
    assert orders(tmp_path, *usual, *odd, absurd_amount_factor=10_000).reasons == []


# ── who and what ──────────────────────────────────────────────────────────────────────────────


def test_missing_customers_and_words_for_nobody(tmp_path: Path) -> None:
    ids = ["", "NULL", " null ", "nUlL", "0", "-1", "Guest", "GUEST", "anonymous", "ann", "guesthouse", "0.0"]
    lines = [f"{n},{who},2017-03-01,5" for n, who in enumerate(ids)]

    assert orders(tmp_path, *lines).reasons == ["customer_id: missing"] * 2 + [NOBODY] * 8
    assert len(orders(tmp_path, *lines, unknown_customers=("ann",)).accepted) == 7


def test_lines_that_are_no_products(tmp_path: Path) -> None:
    header = HEADER.replace("\n", ",product_id\n")
    ids = ["POST", "Shipping fee", "dotcom postage", "Manual", "AMAZONFEE", "poster", "85123A", "22423", ""]
    lines = [f"{n},ann,2017-03-01,5,{product}" for n, product in enumerate(ids)]

    assert orders(tmp_path, *lines, header=header).reasons == [NO_PRODUCT] * 5
    assert orders(tmp_path, *lines, header=header, non_product_ids=("22%", "poster")).reasons == [NO_PRODUCT] * 2
    assert orders(tmp_path, *lines, header=header, non_product_ids=()).reasons == []


# ── clocks ────────────────────────────────────────────────────────────────────────────────────


def test_a_time_after_the_landing_is_a_clock_that_goes_wrong(tmp_path: Path) -> None:
    lines = ("1,ann,2017-03-01 10:00,5", "2,ann,2017-03-01 10:00:01,5", "3,ann,2100-01-01,5")

    assert orders(tmp_path, *lines, now=datetime(2017, 3, 1, 10)).reasons == [SKEWED.format(column="ordered_at")] * 2
    assert orders(tmp_path, *lines).reasons == []


@pytest.mark.parametrize("now", [datetime(2017, 3, 1, 9, 30), None])
def test_a_time_in_a_zone_is_compared_in_utc(tmp_path: Path, now: datetime | None) -> None:
    write(tmp_path, {"o.csv": HEADER + "1,ann,2017-03-01 10:00,5\n"})

    assert take(tmp_path, {"files": "o.csv", "time_zone": "Europe/Berlin"}, "order_id", now=now).reasons == []


# ── which reason is told ──────────────────────────────────────────────────────────────────────


def test_a_broken_contract_is_told_before_a_rule_and_a_row_has_one_reason(tmp_path: Path) -> None:
    assert orders(tmp_path, "1,guest,soon,0", "2,guest,2017-03-01,0").reasons == ["ordered_at: not a timestamp", NOBODY]
