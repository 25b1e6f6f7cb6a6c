"""How long a publication and a lookup take in either profile store, on what the last cycle has published.

    python -m tests.benchmarks.profile_stores

AIMLOOP_STATE names the state folder, which is only read; AIMLOOP_SERVICES__REDIS_URL a Redis, where given.
"""

import os
import random
import statistics
import tempfile
import time
from pathlib import Path

import pandas as pd

from flows.publish import PUBLISHED
from infra import warehouse
from infra.profiles import KEYS, open_profiles, publish
from infra.profiles.redis_client import for_writing
from infra.profiles.redis_layout import find, sweep
from infra.settings import Settings, load
from infra.state import State


def main() -> None:
    settings = load(os.environ, Path.cwd())
    generation = warehouse.published(State(settings.state))
    assert generation is not None, "run a cycle first"
    tables = {name: generation.query(f"SELECT * FROM marts.{mart}") for name, mart in PUBLISHED.items()}
    for name in ("sqlite", *(["redis"] if settings.services.redis_url else [])):
        with tempfile.TemporaryDirectory() as folder:
            services = settings.services.model_copy(update={"profile_store": name})
            report(settings.model_copy(update={"services": services}), State(Path(folder) / "state").open(), tables)


def report(settings: Settings, state: State, tables: dict[str, pd.DataFrame]) -> None:
    store, as_of = settings.services.profile_store, pd.Timestamp("2018-01-01")
    began = time.perf_counter()
    publish(settings, state, "measured", as_of, tables, as_of.to_pydatetime())
    rows = sum(map(len, tables.values()))
    print(f"{store}: {rows:,} rows published in {time.perf_counter() - began:.1f} s")
    profiles = open_profiles(settings, state)
    for table, key in KEYS.items():
        known = tables[table][list(key)].sample(min(2_000, len(tables[table])), random_state=1)
        keys = list(known.itertuples(index=False, name=None))
        for asked in (1, 100):
            seconds = [_lookup(profiles.rows, table, random.Random(n).sample(keys, asked)) for n in range(200)]
            print(f"{store}: {table}, {asked} keys: {statistics.median(seconds) * 1e6:.0f} µs")
    if place := find(state):
        client = for_writing(settings)
        sweep(client, state, place, ())
        client.delete(place.pointer)


def _lookup(rows, table: str, keys: list[tuple[str, ...]]) -> float:  # type: ignore[no-untyped-def]
    began = time.perf_counter()
    found = rows(table, keys)
    seconds = time.perf_counter() - began
    assert None not in found
    return seconds


if __name__ == "__main__":
    main()
