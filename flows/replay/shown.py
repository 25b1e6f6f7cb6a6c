"""What was really shown in a block, and what any version would have said of it from the profiles of that time."""

import hashlib

import pandas as pd

from flows.context import Cycle, Door
from flows.publish import PUBLISHED
from flows.replay.plan import Block
from flows.replay.service import Ad, Visit
from infra import registry
from infra.intake.raw_zone import open_raw_zone
from models import ctr

LONGEST = 200  # characters of a text that the service takes

# A visit is what one customer was shown within one minute. Rows without a product cannot be asked about.
_SHOWN = f"""
    SELECT impression_id, customer_id, product_id, nullif(channel, '') AS channel, nullif(placement, '') AS placement,
           clicked, coalesce(sampling_weight, 1) AS weight, shown_at, greatest(shown_at, landed_at) AS label_known_at,
           dense_rank() OVER (ORDER BY date_trunc('minute', shown_at), customer_id) - 1 AS visit
    FROM raw.impressions
    WHERE shown_at >= $since AND shown_at < $until AND length(product_id) BETWEEN 1 AND {LONGEST}
      AND length(customer_id) <= {LONGEST} AND coalesce(length(channel), 0) <= {LONGEST}
      AND coalesce(length(placement), 0) <= {LONGEST} AND clicked IS NOT NULL
    ORDER BY visit, product_id, impression_id"""

# As the services put a row together (`bentos.ctr`): what the request says, and what is published of customer and ad.
_FEATURES = f"""
    SELECT shown.position, shown.channel, shown.placement,
           products.* EXCLUDE (product_id), customers.* EXCLUDE (pseudonym),
           pairs.* EXCLUDE (pseudonym, product_id), liked.* EXCLUDE (pseudonym, category)
    FROM shown
    LEFT JOIN marts.{PUBLISHED["products"]} AS products ON shown.product_id = products.product_id
    LEFT JOIN marts.{PUBLISHED["customers"]} AS customers ON shown.pseudonym = customers.pseudonym
    LEFT JOIN marts.{PUBLISHED["customer_product"]} AS pairs
        ON shown.pseudonym = pairs.pseudonym AND shown.product_id = pairs.product_id
    LEFT JOIN marts.{PUBLISHED["customer_category"]} AS liked
        ON shown.pseudonym = liked.pseudonym AND products.category = liked.category
    ORDER BY shown.position"""


def shown_in(door: Door, block: Block) -> pd.DataFrame:
    """The sampled impressions of a block that have landed, by visit, under the company's ids; kept in memory alone."""
    with open_raw_zone(door.state, door.keys) as zone:
        found = zone.execute(_SHOWN, {"since": block.since.to_pydatetime(), "until": block.until.to_pydatetime()}).df()
    pseudonyms = {id_: door.keys.pseudonymise(id_) for id_ in found["customer_id"].unique()}
    return found.assign(pseudonym=found["customer_id"].map(pseudonyms))


def visits(shown: pd.DataFrame) -> list[Visit]:
    """What the service is asked: a question a visit, in the order of the rows."""
    columns = ["visit", "customer_id", "product_id", "channel", "placement"]
    found: list[Visit] = []
    last = None
    for visit, customer_id, product_id, channel, placement in shown[columns].itertuples(index=False):
        if visit != last:
            found.append(Visit(customer_id, []))
            last = visit
        ad: Ad = {"product_id": product_id}
        ad |= {"channel": channel} if isinstance(channel, str) else {}
        ad |= {"placement": placement} if isinstance(placement, str) else {}
        found[-1].ads.append(ad)
    return found


def digests(shown: pd.DataFrame) -> list[str]:
    """What the marts know each impression by: neither holds the company's id."""
    return [
        hashlib.md5((pseudonym + id_).encode(), usedforsecurity=False).hexdigest()
        for pseudonym, id_ in zip(shown["pseudonym"], shown["impression_id"], strict=True)
    ]


def features(cycle: Cycle, shown: pd.DataFrame) -> pd.DataFrame:
    """What the services know of each row from this cycle's profiles; a row each, in the same order."""
    asked = shown[["pseudonym", "product_id", "channel", "placement"]].assign(position=range(len(shown)))
    return cycle.generation.query_beside(_FEATURES, {"shown": asked})


def click_probabilities(tag: str, known: pd.DataFrame) -> pd.Series:
    """What a version says of rows that it has not been asked about."""
    return pd.Series(ctr.predict(registry.load(tag), known)["click_probability"].to_numpy(dtype=float))
