"""What services may rely on, whichever store holds the profiles: a file, or a real Redis server."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import hypothesis
import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st
from servers import PASSWORD, redis_server

from infra.errors import AimloopError
from infra.profiles import KEYS, Profiles, Row, open_profiles, publish, published
from infra.sections import Services
from infra.settings import Settings
from infra.state import State
from tests.profile_examples import AS_OF, NOW, TABLES, with_customers

WEEK = pd.Timedelta(days=7)
ANN = ("ann", "2017-12-04T00:00:00", 7.0, 0.1 + 0.2, 12.5, "north", 3.0)
BOB = ("bob", "2017-12-04T06:00:01", 1.0, -1e-300, None, None, None)


@pytest.fixture(scope="module")
def redis_port() -> Iterator[int]:
    with redis_server() as port:
        yield port


@pytest.fixture(scope="module", params=["sqlite", "redis"])
def services(request: pytest.FixtureRequest) -> Services:
    if request.param == "sqlite":
        return Services()
    port = request.getfixturevalue("redis_port")
    return Services(profile_store="redis", redis_url=f"redis://:{quote(PASSWORD)}@127.0.0.1:{port}/0")


@dataclass(frozen=True)
class Store:
    """A state folder, and where its profiles are kept."""

    settings: Settings
    state: State

    def publish(self, generation: str, tables: dict[str, pd.DataFrame], as_of: pd.Timestamp = AS_OF) -> None:
        publish(self.settings, self.state, generation, as_of, tables, NOW)

    def open(self) -> Profiles:
        return open_profiles(self.settings, self.state)

    @property
    def published(self) -> str | None:
        return published(self.settings, self.state)


MakeStore = Callable[[], Store]


@pytest.fixture(scope="module")
def make_store(services: Services, tmp_path_factory: pytest.TempPathFactory) -> MakeStore:
    def make() -> Store:
        state = State(tmp_path_factory.mktemp("store") / "state").open()
        return Store(Settings(state=state.root, services=services), state)

    return make


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    return make_store()


@pytest.fixture
def profiles(store: Store) -> Profiles:
    store.publish("g1", dict(TABLES))
    return store.open()


def customers(profiles: Profiles, *pseudonyms: str) -> list[Row | None]:
    return profiles.rows("customers", [(pseudonym,) for pseudonym in pseudonyms])


# ── rows ──────────────────────────────────────────────────────────────────────────────────────


def test_values_come_back_exactly_in_the_order_asked_and_strangers_as_none(profiles: Profiles) -> None:
    assert customers(profiles, "bob", "zoe", "ann", "bob") == [BOB, None, ANN, BOB]
    assert customers(profiles, "zoe") == [None]
    assert customers(profiles) == []


@pytest.mark.parametrize("table", list(KEYS))
@pytest.mark.parametrize("times", [1, 5, 50, 500])
def test_many_keys_at_once_are_found_as_one_by_one_are(profiles: Profiles, table: str, times: int) -> None:
    keys = [("ann", "p1"), ("bob", "p1"), ("ann", "p2"), ("zoe", "p2"), ("ann", "c1"), ("p1", "p1"), ("\ud800", "p1")]
    asked = [key[-len(KEYS[table]) :] for key in keys] * times
    asked += [(*("ann",) * (len(KEYS[table]) - 1), f"p{number}") for number in range(20)]
    assert profiles.rows(table, asked) == [profiles.rows(table, [key])[0] for key in asked]


def test_the_columns_of_a_key_come_first(profiles: Profiles) -> None:
    assert profiles.columns["customers"][:3] == ("pseudonym", "snapshot_at", "orders_total")
    assert {table: names[: len(KEYS[table])] for table, names in profiles.columns.items()} == KEYS


def test_every_table_is_asked_by_its_key(profiles: Profiles) -> None:
    assert profiles.rows("customer_product", [("ann", "p2"), ("bob", "p2"), ("bob", "p1")]) == [
        ("ann", "p2", 1.0, 1 / 3),
        None,
        ("bob", "p1", 5.0, None),
    ]
    assert profiles.rows("customer_category", [("ann", "tea"), ("ann", None)]) == [("ann", "tea", 4.0), None]
    assert profiles.rows("products", [("p3",), ("p1",)]) == [("p3", None, "home", 3.0), ("p1", "tea", "food", 100.0)]


def test_a_generation_says_what_it_knows_and_since_when(profiles: Profiles, store: Store) -> None:
    assert (profiles.generation, profiles.as_of, profiles.published_at) == ("g1", "2017-12-04T06:00:00", NOW)
    assert store.published == "g1"


@pytest.mark.parametrize(
    ("column", "found"),
    [
        (pd.array([1, None], dtype="Int64"), (1.0, None)),
        (pd.array([True, None], dtype="boolean"), (1.0, None)),
        (pd.array([0.1, None], dtype="Float64"), (0.1, None)),
        ([True, False], (1.0, 0.0)),
        ([np.nan, -np.inf], (None, -np.inf)),
        ([None, None], (None, None)),
        (pd.array(["x", None], dtype="str"), ("x", None)),
        (np.array(["", None], dtype=object), ("", None)),
        (pd.to_datetime(["2017-01-01 01:02:03", None]), ("2017-01-01T01:02:03", None)),
        (pd.array(["1.0", None], dtype="string"), ("1.0", None)),
    ],
)
def test_every_kind_of_column_comes_back(store: Store, column: object, found: tuple[object, ...]) -> None:
    store.publish("g", with_customers(value=column))

    rows = customers(store.open(), "ann", "bob")

    assert rows == list(zip(("ann", "bob"), found, strict=True))
    assert [type(row[1]) for row in rows if row] == [type(value) for value in found]


def test_tables_may_be_empty_or_have_nothing_but_a_key(store: Store) -> None:
    empty = {table: frame.iloc[:0] for table, frame in TABLES.items()}
    store.publish("g", {**empty, "products": pd.DataFrame({"product_id": ["p1"]})})

    profiles = store.open()

    assert customers(profiles, "ann") == [None]
    assert profiles.columns["customers"][0] == "pseudonym"
    assert profiles.rows("products", [("p1",), ("p2",)]) == [("p1",), None]


ODD = ["ann' OR '1' = '1", 'a"b', "a,b", '["ann"]', "", "-", "a\0b", "a\nb", "\\", "ä", "a\u0308", "😀", "x" * 100_000]


def test_odd_ids_are_ids(store: Store) -> None:
    store.publish("g", {**TABLES, "customers": pd.DataFrame({"pseudonym": ODD, "n": np.arange(len(ODD)) * 1.0})})

    profiles = store.open()

    assert customers(profiles, *ODD) == [(name, float(n)) for n, name in enumerate(ODD)]
    assert customers(profiles, "ANN' or '1' = '1", "a", "%", "*", "x" * 99_999, "\ud800") == [None] * 6


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(
    keys=st.lists(st.tuples(st.text(), st.text()), min_size=1, max_size=20, unique=True),
    number=st.floats(allow_nan=False),
)
def test_any_pair_of_texts_is_a_key_of_its_own_and_any_number_a_value(
    make_store: MakeStore, keys: Sequence[tuple[str, str]], number: float
) -> None:
    store = make_store()
    frame = pd.DataFrame(keys, columns=["pseudonym", "product_id"]).assign(place=range(len(keys)), number=number)
    store.publish("g", {**TABLES, "customer_product": frame})

    found = store.open().rows("customer_product", keys)

    assert found == [(*key, float(place), number) for place, key in enumerate(keys)]


def test_threads_share_a_reader(profiles: Profiles) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: customers(profiles, "ann", "zoe", "bob")[n % 3], range(600)))

    assert answers == [ANN, None, BOB] * 200


# ── generations ───────────────────────────────────────────────────────────────────────────────


def test_before_the_first_publication_there_is_nothing(store: Store) -> None:
    assert store.published is None
    with pytest.raises(AimloopError, match="no profiles in") as caught:
        store.open()
    assert caught.value.remedy == "run a cycle first: `aimloop run`"


@pytest.mark.parametrize("name", ["g1", "g2"])
def test_a_reader_keeps_its_generation_while_the_next_is_published(store: Store, profiles: Profiles, name: str) -> None:
    store.publish(name, with_customers(orders_total=[8, 2]), AS_OF + WEEK)

    assert customers(profiles, "ann") == [ANN]
    later = store.open()
    assert customers(later, "ann") == [("ann", 8.0)]
    assert later.columns["customers"] == ("pseudonym", "orders_total")
    assert (profiles.as_of, later.as_of) == ("2017-12-04T06:00:00", "2017-12-11T06:00:00")
    assert later.generation == store.published != profiles.generation, "services see that there is something new"


class Halfway(dict[str, pd.DataFrame]):
    """Tables; something happens when the last is asked for, and the others have been written."""

    def __init__(self, tables: dict[str, pd.DataFrame], act: Callable[[], object]) -> None:
        super().__init__(tables)
        self.act = act

    def __getitem__(self, table: str) -> pd.DataFrame:
        if table == "products":
            self.act()
        return super().__getitem__(table)


def test_nobody_sees_a_generation_that_is_being_written(store: Store, profiles: Profiles) -> None:
    seen = []

    def look() -> None:
        seen.extend([store.published, *customers(profiles, "ann"), *customers(store.open(), "ann")])

    store.publish("g2", Halfway(with_customers(orders_total=[8, 2]), look))

    assert seen == ["g1", ANN, ANN]


def test_a_publication_that_fails_leaves_what_was_there(store: Store, profiles: Profiles) -> None:
    doubled = pd.concat([TABLES["products"]] * 2)

    with pytest.raises(Exception, match=r"(?i)unique"):
        store.publish("g2", {**with_customers(orders_total=[8, 2]), "products": doubled})

    assert store.published == "g1"
    assert customers(store.open(), "ann") == customers(profiles, "ann") == [ANN]


def publish_and_die(folder: Path, services: Services, path: list[str]) -> None:
    sys.path[:] = path
    store = Store(Settings(state=folder, services=services), State(folder))
    store.publish("g2", Halfway(with_customers(orders_total=[8, 2]), lambda: os.kill(os.getpid(), signal.SIGKILL)))


def test_a_publication_killed_halfway_leaves_what_was_there_and_the_next_goes_through(
    store: Store, profiles: Profiles
) -> None:
    arguments = (store.state.root, store.settings.services, sys.path)
    process = multiprocessing.get_context("spawn").Process(target=publish_and_die, args=arguments)
    process.start()
    process.join(60)

    assert process.exitcode == -signal.SIGKILL
    assert store.published == "g1"
    assert customers(store.open(), "ann") == customers(profiles, "ann") == [ANN]
    store.publish("g2", dict(TABLES))
    assert store.published == "g2"
    assert customers(store.open(), "ann") == [ANN]


def test_two_state_folders_do_not_see_each_other(make_store: MakeStore) -> None:
    one, other = make_store(), make_store()
    one.publish("g1", with_customers(orders_total=[1, 1]))
    assert other.published is None
    other.publish("g1", with_customers(orders_total=[2, 2]))
    other.publish("g2", with_customers(orders_total=[3, 3]))
    other.publish("g3", with_customers(orders_total=[4, 4]))

    assert customers(one.open(), "ann") == [("ann", 1.0)]
    assert customers(other.open(), "ann") == [("ann", 4.0)]


def test_a_pinned_state_reads_its_own_epoch(store: Store, profiles: Profiles) -> None:
    other = State(store.state.root, epoch="0002")
    (other.profiles).mkdir(parents=True)

    assert published(store.settings, other) is None
    publish(store.settings, other, "g1", AS_OF, with_customers(orders_total=[8, 2]), NOW)

    assert customers(open_profiles(store.settings, other), "ann") == [("ann", 8.0)]
    assert customers(store.open(), "ann") == customers(profiles, "ann") == [ANN]
