"""People as an erasure knows them: by the company's id, by pseudonym, by tombstone, and by their contact details."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from infra.files import remove_database
from infra.intake.raw_zone import explained_damage, open_raw_zone
from infra.keys import Keys
from infra.state import State
from infra.warehouse import Connection, attach_encrypted, engine

DETAILS = ("name", "phone", "email", "id_number")
DISTINCTIVE = 6  # characters; a shorter text also stands for other things: an id 12 is also a quantity


@dataclass(frozen=True)
class Person:
    """Someone to be erased; only the tombstone may be written down outside the raw zone."""

    customer_id: str = field(repr=False)
    pseudonym: str = field(repr=False)
    tombstone: str
    details: tuple[str, ...] = field(repr=False)

    @property
    def needles(self) -> tuple[str, ...]:
        """Texts that can be nobody else's, wherever they stand."""
        return (self.pseudonym, *self.details)


def people(state: State, keys: Keys, customer_ids: Sequence[str]) -> list[Person]:
    """Everyone asked for, with what the raw zone knows of them."""
    details: dict[str, set[str]] = {customer_id: {customer_id} for customer_id in customer_ids}
    if state.raw_zone.exists():
        with open_raw_zone(state, keys) as connection:
            connection.register("asked", pd.DataFrame({"customer_id": list(customer_ids)}))
            columns = ", ".join(("customer_id", *DETAILS))
            found = connection.execute(f"SELECT {columns} FROM raw.customers SEMI JOIN asked USING (customer_id)")
            for customer_id, *values in found.fetchall():
                details[customer_id] |= {value for value in values if value}
    return [
        Person(
            customer_id,
            keys.pseudonymise(customer_id),
            keys.entomb(customer_id),
            tuple(sorted(filter(_is_distinctive, details[customer_id]))),
        )
        for customer_id in customer_ids
    ]


def _is_distinctive(text: str) -> bool:
    """Long enough, and not a single word that the language or a company's catalogue may hold as well."""
    return len(text) >= DISTINCTIVE and any(c.isdigit() or c in "@ " for c in text)


def register(connection: Connection, persons: Sequence[Person]) -> None:
    """The tables ``people`` (customer_id, pseudonym, tombstone) and ``details`` (tombstone, detail)."""
    rows = [(p.customer_id, p.pseudonym, p.tombstone) for p in persons]
    connection.register("people", pd.DataFrame(rows, columns=["customer_id", "pseudonym", "tombstone"], dtype=str))
    pairs = [(p.tombstone, detail) for p in persons for detail in p.details]
    connection.register("details", pd.DataFrame(pairs, columns=["tombstone", "detail"], dtype=str))


# ── who is waiting to be erased ───────────────────────────────────────────────────────────────


def _pending(state: State) -> Path:
    return state.erasure / "pending.duckdb"


def pending(state: State, keys: Keys) -> list[str]:
    """Customer ids of an erasure that has begun and not ended; kept encrypted, as the raw zone is."""
    if not _pending(state).exists():
        return []
    with engine(state.erasure / "spill") as connection, explained_damage(_pending(state)):
        attach_encrypted(connection, _pending(state), "pending", keys.storage, read_only=True)
        return [row[0] for row in connection.execute("SELECT customer_id FROM pending.people ORDER BY 1").fetchall()]


def begin(state: State, keys: Keys, customer_ids: Sequence[str]) -> None:
    """Write down who is to be erased: from here on an interrupted erasure is finished by the next command."""
    fresh = _pending(state).with_name("pending.fresh.duckdb")
    state.erasure.mkdir(exist_ok=True)
    remove_database(fresh)
    with engine(state.erasure / "spill") as connection:
        attach_encrypted(connection, fresh, "fresh", keys.storage, read_only=False)
        connection.register("asked", pd.DataFrame({"customer_id": list(customer_ids)}, dtype=str))
        connection.execute("CREATE TABLE fresh.people AS FROM asked")
        connection.execute("DETACH fresh")
    fresh.replace(_pending(state))


def end(state: State) -> None:
    remove_database(_pending(state))
