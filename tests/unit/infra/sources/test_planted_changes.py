"""Known changes in a copy of the data: nothing before the instant moves, and after it exactly what was planted."""

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from infra.settings import Settings
from infra.sources.planted_changes import plant

AT = pd.Timestamp("2017-02-01")
# product → department: GROCERY sells most, then DRUG GM
PRODUCTS = {1: "GROCERY", 2: "GROCERY", 3: "DRUG GM", 4: "DRUG GM", 5: "PRODUCE"}
SOLD = [1, 1, 1, 2, 2, 3, 3, 4, 5]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """One store, two weeks of the same purchases, every product but 4 placed."""
    folder = tmp_path / "source"
    folder.mkdir()
    lines = [
        f"({basket}, 7, {100 * week + basket}, {product}, 1, 2.5, 0, 0, 0, {week}, "
        f"TIMESTAMP '2017-0{1 + week // 6}-15 10:00:00')"
        for week in (3, 7)
        for basket, product in enumerate(SOLD)
    ]
    tables = {
        "transactions": f"SELECT * FROM (VALUES {', '.join(lines)}) t(household_id, store_id, basket_id, product_id, "
        "quantity, sales_value, retail_disc, coupon_disc, coupon_match_disc, week, transaction_timestamp)",
        "promotions": "SELECT product_id, 7 AS store_id, '1' AS display_location, '0' AS mailer_location, week "
        "FROM (VALUES (1), (2), (3), (5)) p(product_id), (VALUES (3), (7)) w(week)",
        "products": "SELECT * FROM (VALUES "
        + ", ".join(f"({id_}, '{department}')" for id_, department in PRODUCTS.items())
        + ") t(product_id, department), (SELECT '' AS brand, '' AS product_category, '' AS product_type, "
        "'' AS package_size)",
        "campaigns": "SELECT 1 AS campaign_id, 1 AS household_id",
        "campaign_descriptions": "SELECT 1 AS campaign_id, '' AS campaign_type, DATE '2017-01-01' AS start_date, "
        "DATE '2017-01-02' AS end_date",
        "coupon_redemptions": "SELECT 1 AS household_id, 1 AS campaign_id, DATE '2017-01-01' AS redemption_date",
        "demographics": "SELECT 1 AS household_id, '' AS age, '' AS income, '' AS home_ownership, "
        "'' AS marital_status, '' AS household_size, '' AS household_comp, '' AS kids_count",
    }
    with duckdb.connect() as connection:
        for name, query in tables.items():
            connection.execute(f"COPY ({query}) TO '{folder / name}.parquet'")
    return Settings(source_folder=folder)


def changed(settings: Settings, folder: Path, *kinds: str) -> pd.DataFrame:
    plant(settings, [(kind, AT) for kind in kinds], folder)
    return pd.read_parquet(folder / "transactions.parquet")


def before(settings: Settings) -> pd.DataFrame:
    assert settings.source_folder is not None
    return pd.read_parquet(settings.source_folder / "transactions.parquet")


@pytest.mark.parametrize("kind", ["covariate", "concept", "quality"])
def test_what_happened_before_stays_as_it_was(settings: Settings, tmp_path: Path, kind: str) -> None:
    found, real = changed(settings, tmp_path / "planted", kind), before(settings)
    early = [frame[frame["transaction_timestamp"] < AT].reset_index(drop=True) for frame in (found, real)]
    assert len(early[1]) == len(SOLD)
    pd.testing.assert_frame_equal(*early)


def test_concept_swaps_what_is_taken_among_what_is_placed(settings: Settings, tmp_path: Path) -> None:
    found = changed(settings, tmp_path / "planted", "concept")
    late = found.loc[found["transaction_timestamp"] >= AT, "product_id"].tolist()
    # best of GROCERY (1) for best of DRUG GM (3); 2 has no counterpart that is placed, 4 is not placed, 5 is another's
    assert late == [3, 3, 3, 2, 2, 1, 1, 4, 5]


def test_covariate_takes_whole_baskets_away(settings: Settings, tmp_path: Path) -> None:
    found, real = changed(settings, tmp_path / "planted", "covariate"), before(settings)
    assert 0 < len(found) - len(SOLD) < len(SOLD)
    assert set(found["basket_id"]) < set(real["basket_id"])


def test_quality_breaks_amounts_and_nothing_else(settings: Settings, tmp_path: Path) -> None:
    found, real = changed(settings, tmp_path / "planted", "quality"), before(settings)
    pd.testing.assert_frame_equal(found.drop(columns="sales_value"), real.drop(columns="sales_value"))
    assert set(found["sales_value"].dropna()) <= {2.5, 2500.0}
    assert not found["sales_value"].equals(real["sales_value"])


def test_changes_add_up_and_are_the_same_again(settings: Settings, tmp_path: Path) -> None:
    both = changed(settings, tmp_path / "one", "concept", "covariate")
    pd.testing.assert_frame_equal(both, changed(settings, tmp_path / "two", "concept", "covariate"))
    assert len(both) == len(changed(settings, tmp_path / "three", "covariate"))


def test_other_files_are_linked(settings: Settings, tmp_path: Path) -> None:
    changed(settings, tmp_path / "planted", "concept")
    assert (tmp_path / "planted" / "promotions.parquet").is_symlink()
