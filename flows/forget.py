"""Forget: a person is erased from everything below the state folder, and a certificate says so.

Not a Prefect flow: its parameters are customer ids, and Prefect writes parameters into its database.

Safe to kill and to repeat: who is to be erased is written down first (encrypted), then their tombstone,
then they are removed place by place, the raw zone last, because it knows how else they may be named; the
certificate ends it. An erasure that was cut short is finished by the next `forget`, `run` or `rotate-key`.

Places that later features add join here (`erase_from_…` beside the others): copies in object storage. (Experiments
keep no assignments: they are computed from ids.)
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from flows.certificate import certify
from flows.context import Door, now
from infra import registry, warehouse
from infra.erasing import erasure, journal, log_erasure, people, profiles, replays, tombstones
from infra.erasing.journal import Journal
from infra.erasing.mentions import erase_mentions
from infra.erasing.people import Person
from infra.errors import AimloopError
from infra.files import publish_text
from infra.intake.judgement import WHOLE_NUMBER
from infra.keys import make_tombstone_key
from models import catalog


def forget(door: Door, customer_ids: Sequence[str], *, even_if_unknown: bool = False) -> list[dict[str, Any]]:
    """Erase people; returns a certificate each. The caller holds the state's lock.

    Raises:
        AimloopError: nothing is known of someone, and ``even_if_unknown`` was not given; nobody is erased then.
    """
    asked = list(dict.fromkeys(_as_landed(door, customer_id) for customer_id in customer_ids))
    door = _with_tombstone_key(door)
    if not even_if_unknown:
        _refuse_strangers(door, people.people(door.state, door.keys, asked))
    replays.refuse_running(door.state)
    waiting = people.pending(door.state, door.keys)
    if not waiting:
        journal.discard(door.state)
    people.begin(door.state, door.keys, [*dict.fromkeys([*waiting, *asked])])
    return finish(door)


def _as_landed(door: Door, customer_id: str) -> str:
    """The id as intake reads it: without blanks around it, and 12345.0 as 12345 (`[cleaning]`)."""
    text = customer_id.strip(" ")
    return re.sub(WHOLE_NUMBER, r"\1", text) if door.settings.cleaning.whole_number_ids else text


def finish(door: Door) -> list[dict[str, Any]]:
    """Go through with the erasure that is written down, from its start or wherever it was cut short; none is fine."""
    customer_ids = people.pending(door.state, door.keys)
    if not customer_ids:
        return []
    door = _with_tombstone_key(door)
    tombstones.add(door.state, door.keys, customer_ids, now())
    persons = people.people(door.state, door.keys, customer_ids)
    done = Journal(door.state, now())
    drop_replays(door, done)
    mark_versions(door, persons)
    erase_from_reference_samples(door, persons, done)
    remove_reports(door, done)
    erase_mentions(door.state, persons, done)
    profiles.erase(door.settings, door.state, persons, done)
    erasure.erase_from_warehouse(door.state, persons, done)
    log_erasure.erase_from_log(door.state, door.keys, persons, now(), done)
    erasure.erase_from_raw_zone(door.state, door.keys, persons, done)
    certificates = [certify(door, person, done, now()) for person in persons]
    erased = [{"tombstone": c["tombstone"], "rows": sum(c["rows_removed"].values())} for c in certificates]
    door.audit.record("forget", {"erased": erased}, now())
    people.end(door.state)
    journal.discard(door.state)
    return certificates


def drop_replays(door: Door, done: Journal) -> None:
    """Each is a copy of everything in a state folder of its own, and can be run again without them."""
    done.dropping(replays.names(door.state))
    replays.drop_all(door.state)


def mark_versions(door: Door, persons: Sequence[Person]) -> None:
    """Every version whose cycle knew the world up to a time at which it may have held a row of theirs."""
    seen = erasure.first_seen(door.state, door.keys, persons)
    for tombstone, since in seen.items():
        influenced = [v.tag for v in door.ledger.versions() if since < pd.Timestamp(v.report["as_of"])]
        door.ledger.mark_influenced(influenced, tombstone, now())


def erase_from_reference_samples(door: Door, persons: Sequence[Person], done: Journal) -> None:
    """Reference samples hold feature rows without a pseudonym: rows that equal theirs in any generation go."""
    stored = list(registry.stored(door.state.bentoml))
    for person in persons:
        rows = {name: _feature_rows(door, person, name) for name in catalog.MODELS}
        for tag, folder in stored:
            theirs = rows.get(tag.split(":")[0])
            if theirs is None or theirs.empty:
                continue
            for fresh, target, count in registry.rewritten_without(folder, theirs):
                done.removed(f"reference sample: {tag}", {person.tombstone: count})
                done.replace(fresh, target)


def remove_reports(door: Door, done: Journal) -> None:
    """Drift reports go: their histograms begin and end at the exact values of single people."""
    for report in sorted(door.state.reports.rglob("*.html")):
        done.drop(report)
        note = (
            "Reports of this cycle were removed: they were computed with rows of someone who has been erased since.\n"
        )
        publish_text(report.parent / "REMOVED.txt", note + "The next `aimloop run` makes new ones.\n")


def _feature_rows(door: Door, person: Person, model: str) -> pd.DataFrame:
    """Their rows of the mart a model learns from, in every generation there is."""
    table = catalog.MODELS[model].table
    theirs = f"SELECT * FROM marts.{table} WHERE pseudonym = $pseudonym"
    found = [
        generation.query(theirs, pseudonym=person.pseudonym)
        for generation in warehouse.generations(door.state)
        if generation.holds(table)
    ]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def _refuse_strangers(door: Door, persons: Sequence[Person]) -> None:
    held = erasure.holdings(door.state, door.keys, persons)
    held |= log_erasure.holdings(door.state, door.keys, persons, now())
    known = {tombstone for counts in held.values() for tombstone in counts}
    known |= set(tombstones.read(door.state, door.keys))
    strangers = [str(place) for place, person in enumerate(persons, start=1) if person.tombstone not in known]
    if strangers:
        which = "of that id" if len(persons) == 1 else f"of id number {', '.join(strangers)}"
        raise AimloopError(
            f"nobody {which} is known in {door.state.root}; nobody has been erased",
            "check the spelling; with --even-if-unknown, who comes with a later export is kept out all the same",
        )


def _with_tombstone_key(door: Door) -> Door:
    tombstones.read(door.state, door.keys)  # a key that is lost or another one is refused before one is made
    key = make_tombstone_key(door.settings, door.state)
    return replace(door, keys=replace(door.keys, tombstone=key))
