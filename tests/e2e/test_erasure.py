"""The planted person is erased from a whole small cycle, while a service answers, and does not come back."""

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import joblib
import pandas as pd
import pytest

from bentos.live import LOOK_SECONDS
from infra import warehouse
from infra.erasing import tombstones
from infra.intake import landing
from infra.keys import Keys, open_keys
from infra.settings import Settings, load
from infra.sources import catalog
from infra.sources.synthetic_crm import crm_extract
from infra.state import State
from tests.conftest import PLANTED_ID, Aimloop
from tests.e2e.conftest import SmallCycle
from tests.e2e.search import search_everything
from tests.e2e.service import served


@dataclass(frozen=True)
class Opened:
    """A copy of the small cycle's state folder, to be looked into."""

    aimloop: Aimloop

    @property
    def settings(self) -> Settings:
        return load(self.aimloop.environ, self.aimloop.state)

    @property
    def state(self) -> State:
        return State(self.aimloop.state)

    @property
    def keys(self) -> Keys:
        return open_keys(self.settings, self.state)

    def found(self, person: dict[str, str]) -> set[str]:
        """The places in which the person is found, the raw zone decrypted; of databases the tables too."""
        return {f"{path.name} {place}" for path, place in search_everything(self.state, person, self.keys)}


@dataclass(frozen=True)
class Erasure:
    opened: Opened
    person: dict[str, str]
    before: set[str]
    rows_before: dict[str, pd.DataFrame]
    certificate: dict
    known: list[bool]  # what the service said before and after


@pytest.fixture(scope="module")
def erasure(small_cycle: SmallCycle, tmp_path_factory: pytest.TempPathFactory) -> Erasure:
    """Everything of the person is looked for, then `aimloop forget` runs beside `aimloop serve`."""
    state = tmp_path_factory.mktemp("erasure") / "state"
    shutil.copytree(small_cycle.state, state, symlinks=True)
    folder = small_cycle.aimloop.environ["AIMLOOP_SOURCE_FOLDER"]
    opened = Opened(Aimloop(state, source_folder=folder))
    pseudonym = opened.keys.pseudonymise(str(PLANTED_ID))
    person = crm_extract([str(PLANTED_ID)]).iloc[0].to_dict() | {"pseudonym": pseudonym}
    before = opened.found(person)
    rows = {name: feature_rows(opened, table, pseudonym) for name, table in LEARNED_FROM.items()}
    asked = {"customer_ids": [str(PLANTED_ID)]}
    with served(opened.aimloop) as client:
        known = [client.post("/segment", json=asked).raise_for_status().json()["customers"][0]["is_known"]]
        done = opened.aimloop("forget", str(PLANTED_ID), "--yes", "--json")
        assert done.returncode == 0, done.stderr
        time.sleep(2 * LOOK_SECONDS)
        known.append(client.post("/segment", json=asked).raise_for_status().json()["customers"][0]["is_known"])
    (certificate,) = json.loads(done.stdout)["certificates"]
    assert str(PLANTED_ID) not in done.stdout + done.stderr
    return Erasure(opened, person, before, rows, certificate, known)


LEARNED_FROM = {
    "segmentation": "customer_features",
    "ctr": "impression_features",
    "churn": "churn_examples",
    "clv": "clv_examples",
}


def feature_rows(opened: Opened, table: str, pseudonym: str) -> pd.DataFrame:
    generation = warehouse.published(opened.state)
    assert generation is not None
    return generation.query(f"SELECT * FROM marts.{table} WHERE pseudonym = $p", p=pseudonym)


def sample(opened: Opened, model: str) -> pd.DataFrame:
    """A version's reference sample, which is the same beside the model and inside it."""
    (folder,) = (opened.state.bentoml / "models" / model).glob("*t*-*")
    beside = pd.read_parquet(folder / "reference.parquet")
    pd.testing.assert_frame_equal(joblib.load(folder / "fitted.joblib").reference, beside)
    return beside


def shared(sample: pd.DataFrame, rows: pd.DataFrame) -> int:
    """How many rows of a sample equal one of ``rows``, compared as text."""
    texts = {tuple(row) for row in _as_text(rows[list(sample)]).itertuples(index=False)}
    return sum(tuple(row) in texts for row in _as_text(sample).itertuples(index=False))


def _as_text(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.apply(
        lambda c: c.astype(float).map(repr) if pd.api.types.is_numeric_dtype(c) else c.fillna("").astype(str)
    )


def test_the_person_was_everywhere(erasure: Erasure, small_cycle: SmallCycle) -> None:
    tables = {place.split(" ", 1)[1] for place in erasure.before}
    for place in ("('customers', 'phone')", "('crosswalk', 'customer_id')", "('quarantine', 'row_json')"):
        assert place in tables
    for place in ("('customer_features', 'pseudonym')", "('scores', 'pseudonym')", "customers", "customer_product"):
        assert place in tables
    untouched = Opened(small_cycle.aimloop)
    assert all(shared(sample(untouched, name), rows) > 0 for name, rows in erasure.rows_before.items())


def test_the_person_is_nowhere(erasure: Erasure) -> None:
    assert erasure.opened.found(erasure.person) == set()
    for name, rows in erasure.rows_before.items():
        assert len(rows) > 0
        assert shared(sample(erasure.opened, name), rows) == 0


def test_a_running_service_forgets_at_once(erasure: Erasure) -> None:
    assert erasure.known == [True, False]


def test_the_certificate_tells_of_every_place_and_every_model(erasure: Erasure) -> None:
    places = {place.split(":")[0] for place in erasure.certificate["rows_removed"]}
    assert {"raw zone", "warehouse", "profiles", "reference sample"} <= places
    assert len(erasure.certificate["models"]) == len(LEARNED_FROM)
    assert all(m["standing"] == "champion" for m in erasure.certificate["models"])
    assert Path(erasure.certificate["file"]).exists()
    listed = json.loads(erasure.opened.aimloop("models", "--json").stdout)["models"]
    assert [version["learned_from_erased"] for version in listed] == [1] * len(LEARNED_FROM)


def test_the_same_export_does_not_bring_the_person_back(erasure: Erasure) -> None:
    opened = erasure.opened
    tables = catalog.find(opened.settings.source).tables(opened.settings)

    landings = landing.land(opened.state, opened.keys, tables, "the same export")

    removed = erasure.certificate["rows_removed"]
    for table in landings:
        assert table.read == table.accepted + table.quarantined + table.suppressed
        if table.table_name in ("customers", "impressions", "contacts"):
            assert table.suppressed == removed.get(f"raw zone: {table.table_name}", 0)
    orders = next(table for table in landings if table.table_name == "orders")
    assert orders.suppressed == removed["raw zone: orders"] + removed["raw zone: quarantine"]
    assert opened.found(erasure.person) == set()


def test_someone_unknown_is_refused_unless_asked_for(erasure: Erasure) -> None:
    aimloop, opened = erasure.opened.aimloop, erasure.opened
    before = len(tombstones.read(opened.state, opened.keys))

    refused = aimloop("forget", "nobody-there", "--yes")
    assert refused.returncode == 2
    assert "nobody of that id is known" in refused.stderr
    assert "--even-if-unknown" in refused.stderr
    assert len(tombstones.read(opened.state, opened.keys)) == before

    assert aimloop("forget", "nobody-there", "--yes", "--even-if-unknown").returncode == 0
    assert len(tombstones.read(opened.state, opened.keys)) == before + 1
