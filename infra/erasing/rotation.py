"""Another epoch: raw zone, log zone, published generation and profiles written anew under other keys.

The log has been landed before (`flows.rotate`). Old and new pseudonyms are joined in SQL. Whoever knows an old key
could also compute digests that were made from pseudonyms (order and impression ids in the marts), so these are made
anew as well.
"""

import shutil
from dataclasses import dataclass

import pandas as pd

from infra import warehouse
from infra.erasing import profiles, rewriting
from infra.files import publish_text
from infra.intake.raw_zone import explained_damage
from infra.keys import Keys
from infra.settings import Settings
from infra.sources.rows import sql_text
from infra.state import State
from infra.warehouse import attach_encrypted, engine

DIGESTS = {"order_id": "orders", "impression_id": "impressions"}  # column of the marts → raw table it is made from


@dataclass(frozen=True)
class Side:
    """A pinned state and the keys that open it."""

    state: State
    keys: Keys


def rewrite(settings: Settings, old: Side, following: Side) -> dict[str, str]:
    """Fill the empty epoch ``following`` with what ``old`` holds, which is only read; old → fresh pseudonyms."""
    renamed = _raw_zone(old, following)
    _log_zone(old, following, renamed)
    if old.keys.pseudonym == following.keys.pseudonym:
        _copy_published(old.state, following.state)
        profiles.copy(settings, old.state, following.state)
    else:
        _warehouse(old, following, renamed)
        profiles.rename(settings, old.state, following.state, renamed)
    return dict(zip(renamed["old"], renamed["fresh"], strict=True))


def _raw_zone(old: Side, following: Side) -> pd.DataFrame:
    """The zone under the new storage key; returns customer_id, old and fresh pseudonym of everyone in it."""
    if not old.state.raw_zone.exists():
        return pd.DataFrame(columns=["customer_id", "old", "fresh"], dtype=str)
    spill = following.state.raw_zone.parent / "spill"
    with engine(spill) as connection, explained_damage(old.state.raw_zone):
        attach_encrypted(connection, old.state.raw_zone, "old", old.keys.storage, read_only=True)
        attach_encrypted(connection, following.state.raw_zone, "fresh", following.keys.storage, read_only=False)
        renamed = connection.execute("SELECT customer_id, pseudonym AS old FROM old.crosswalk ORDER BY 1").df()
        renamed["fresh"] = [following.keys.pseudonymise(customer_id) for customer_id in renamed["customer_id"]]
        connection.register("renamed", renamed)
        rewriting.copy(connection, lambda table: rewriting.renamed(table))
        connection.execute("DETACH fresh")
    shutil.rmtree(spill, ignore_errors=True)
    return renamed


def _log_zone(old: Side, following: Side, renamed: pd.DataFrame) -> None:
    """Predictions stay, for they are a part of what was tried; of people the crosswalk does not know, without a name.

    The texts of rows set aside go where pseudonyms change: these may stand anywhere in them.
    """
    if not old.state.log_zone.exists():
        return
    spill = following.state.log_zone.parent / "spill"
    with engine(spill) as connection, explained_damage(old.state.log_zone):
        attach_encrypted(connection, old.state.log_zone, "old", old.keys.storage, read_only=True)
        attach_encrypted(connection, following.state.log_zone, "fresh", following.keys.storage, read_only=False)
        connection.register("renamed", renamed)
        others = {
            "predictions": "SELECT theirs.* REPLACE (renamed.fresh AS pseudonym) FROM {} AS theirs "
            "LEFT JOIN renamed ON renamed.old = theirs.pseudonym",
            "quarantine": "SELECT * REPLACE (CAST(NULL AS VARCHAR) AS row_json) FROM {}",
        }
        if old.keys.pseudonym == following.keys.pseudonym:
            others = {}
        rewriting.copy(connection, lambda table: others.get(table.name, "SELECT * FROM {}").format(table.source))
        connection.execute("DETACH fresh")
    shutil.rmtree(spill, ignore_errors=True)


def _warehouse(old: Side, following: Side, renamed: pd.DataFrame) -> None:
    published = warehouse.published(old.state)
    if published is None or not published.path.exists():
        return
    target = following.state.warehouse / published.path.name
    with rewriting.between(published.path, target) as connection:
        connection.register("renamed", renamed)
        attach_encrypted(connection, old.state.raw_zone, "zone", old.keys.storage, read_only=True)
        for column, table in DIGESTS.items():
            connection.execute(
                f"CREATE TEMP TABLE digests_{column} AS SELECT DISTINCT md5(old || {column}) AS was, "
                f"md5(fresh || {column}) AS becomes FROM zone.{table} JOIN renamed USING (customer_id)"
            )
        rewriting.copy(connection, lambda table: rewriting.renamed(table, set(DIGESTS)))
    publish_text(following.state.warehouse / "current", published.name + "\n")


def _copy_published(old: State, following: State) -> None:
    """The pseudonyms stay, and with them every byte of what readers see."""
    published = warehouse.published(old)
    if published is not None and published.path.exists():
        with engine(published.path.parent / "spill") as connection:  # reads what lies beside the file as well
            connection.execute(f"ATTACH {sql_text(published.path)} AS old (READ_ONLY)")
            connection.execute(f"ATTACH {sql_text(following.warehouse / published.path.name)} AS fresh")
            connection.execute("COPY FROM DATABASE old TO fresh")
        publish_text(following.warehouse / "current", published.name + "\n")
