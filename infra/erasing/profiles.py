"""Profiles without some people, and under other pseudonyms: in the files of the state folder and in Redis.

Both are gone through whatever ``services.profile_store`` says now: it may have said the other before.
"""

import hashlib
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pandas as pd

from infra.erasing import redis_profiles, rewriting
from infra.erasing.journal import Journal
from infra.erasing.people import Person
from infra.profiles import in_sqlite
from infra.settings import Settings
from infra.state import State


def erase(settings: Settings, state: State, persons: Sequence[Person], journal: Journal) -> None:
    """What is published stays, without these people; everything else goes.

    Raises:
        AimloopError: Redis cannot be reached; the erasure is not finished.
    """
    _erase_from_files(state, persons, journal)
    redis_profiles.erase(settings, state, {p.pseudonym: p.tombstone for p in persons}, journal)


def copy(settings: Settings, old: State, following: State) -> None:
    """Publish in the epoch ``following`` what is published in ``old``."""
    if name := in_sqlite.published(old):
        shutil.copy(in_sqlite.path_of(old, name), in_sqlite.path_of(following, name))
        in_sqlite.point_to(following, name)
    redis_profiles.copy(settings, old, following, None)


def rename(settings: Settings, old: State, following: State, renamed: pd.DataFrame) -> None:
    """The same under other pseudonyms (``renamed`` has the columns old and fresh); who has none is left behind."""
    if name := in_sqlite.published(old):
        pairs = renamed[["old", "fresh"]].astype(object)
        files = in_sqlite.path_of(old, name), in_sqlite.path_of(following, name)
        rewriting.copy_sqlite(*files, {"renamed": pairs}, rewriting.renamed)
        in_sqlite.point_to(following, name)
    redis_profiles.copy(settings, old, following, dict(zip(renamed["old"], renamed["fresh"], strict=True)))


def _erase_from_files(state: State, persons: Sequence[Person], journal: Journal) -> None:
    """A new file under a new name, so that running services turn to it at their next look; others go."""
    if name := in_sqlite.published(state):
        published = in_sqlite.path_of(state, name)
        who = hashlib.sha256("".join(sorted(p.tombstone for p in persons)).encode()).hexdigest()[:8]
        target = in_sqlite.path_of(state, f"{name.split('.')[0]}.without-{who}")
        if target != published:
            frame = pd.DataFrame([(p.pseudonym, p.tombstone) for p in persons], columns=["pseudonym", "tombstone"])
            fresh = target.with_suffix(".building")
            others = "SELECT * FROM {} WHERE pseudonym NOT IN (SELECT pseudonym FROM people)"
            rewriting.copy_sqlite(
                published,
                fresh,
                {"people": frame},
                lambda table: (others if table.has("pseudonym") else "SELECT * FROM {}").format(table.source),
            )
            journal.removed("profiles", _counts(published, frame))
            fresh.replace(target)
            in_sqlite.point_to(state, target.stem)
    kept = in_sqlite.published(state)
    for path in sorted(state.profiles.glob("*")):
        is_ours = path.is_file() and path.suffix in (in_sqlite.SUFFIX, ".building")
        if is_ours and (kept is None or path != in_sqlite.path_of(state, kept)):
            journal.drop(path)


def _counts(path: Path, people: pd.DataFrame) -> dict[str, int]:
    """Tombstone → rows in all tables of a profile file."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        owned = [n for n in names if "pseudonym" in {r[1] for r in connection.execute(f'PRAGMA table_info("{n}")')}]
        queries = [f'SELECT count(*) FROM "{name}" WHERE pseudonym = ?' for name in owned]
        counts = {
            str(tombstone): sum(connection.execute(query, (pseudonym,)).fetchone()[0] for query in queries)
            for pseudonym, tombstone in zip(people["pseudonym"], people["tombstone"], strict=True)
        }
    return {tombstone: count for tombstone, count in counts.items() if count}
