"""A planted person is found in the raw zone, and nowhere else under the state folder.

The search decrypts, decompresses and reads every column of every store, and reads the raw bytes of
every file besides, in the encodings a store might use.
"""

import gzip
import sqlite3
import tarfile
import zipfile
from pathlib import Path

import duckdb
import httpx
import joblib
import pandas as pd
import pytest

from infra.intake import raw_zone
from infra.keys import open_keys
from infra.settings import load
from infra.sources.synthetic_crm import crm_extract
from infra.state import State
from tests.conftest import PLANTED_ID
from tests.e2e.conftest import SmallCycle
from tests.e2e.search import files, search_duckdb, search_folder
from tests.e2e.service import served


@pytest.fixture(scope="module")
def person() -> dict[str, str]:
    """What the company knows of the planted person."""
    return crm_extract([str(PLANTED_ID)]).iloc[0].to_dict()


@pytest.fixture(scope="module")
def used(small_cycle: SmallCycle) -> SmallCycle:
    """The state folder after the services were asked about the planted person, rightly and wrongly."""
    with served(small_cycle.aimloop) as client:
        ask(client)
    return small_cycle


def ask(client: httpx.Client) -> None:
    asked = {"customer_ids": [str(PLANTED_ID)]}
    assert client.post("/segment", json=asked).json()["customers"][0]["is_known"] is True
    assert client.post("/churn", json=asked).status_code == 200
    impression = {"customer_id": str(PLANTED_ID), "product_id": "1029743"}
    assert client.post("/ctr", json={"impressions": [impression]}).status_code == 200
    assert client.post("/ctr", json={"impressions": [impression | {"product_id": None}]}).status_code == 422
    assert client.post("/segment", json={"customer_ids": [{"id": str(PLANTED_ID)}]}).status_code == 422
    assert client.post("/churn", content=f'{{"customer_ids": ["{PLANTED_ID}"').status_code == 400


def test_the_search_finds_the_person_where_they_belong(used: SmallCycle, person: dict[str, str]) -> None:
    settings = load(used.aimloop.environ, used.state)
    state = State(settings.state)
    with raw_zone.open_raw_zone(state, open_keys(settings, state)) as connection:
        found = set(search_duckdb(connection, "raw", person))
    assert {("customers", "customer_id"), ("orders", "customer_id"), ("crosswalk", "customer_id")} <= found
    assert {("customers", "name"), ("customers", "phone"), ("customers", "email")} <= found


@pytest.mark.parametrize("kind", ["duckdb", "sqlite", "parquet", "joblib", "gzip", "zip", "tar", "text", "utf-16"])
def test_the_search_finds_the_person_in_every_kind_of_file(kind: str, person: dict[str, str], tmp_path: Path) -> None:
    frame, file = pd.DataFrame([person]), tmp_path / f"planted.{kind}"
    if kind == "duckdb":
        with duckdb.connect(str(file)) as connection:
            connection.execute("CREATE TABLE t AS FROM frame")
    elif kind == "sqlite":
        with sqlite3.connect(file) as sqlite:
            frame.to_sql("t", sqlite)
    elif kind == "parquet":
        frame.to_parquet(file, compression="zstd")
    elif kind == "joblib":
        joblib.dump({"model": [frame]}, file, compress=3)
    elif kind == "gzip":
        file.write_bytes(gzip.compress(person["email"].encode()))
    elif kind == "zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inside.txt", person["name"])
    elif kind == "tar":
        inside = tmp_path / "inside.txt"
        inside.write_text(person["phone"], encoding="utf-8")
        with tarfile.open(file, "w:xz") as archive:
            archive.add(inside, "inside.txt")
        inside.unlink()
    else:
        file.write_text(f"customer {PLANTED_ID} bought", encoding="utf-16-le" if kind == "utf-16" else "utf-8")
    assert {path.name for path, _ in search_folder(tmp_path, person, keys=None)} == {file.name}


def test_the_person_is_nowhere_else(used: SmallCycle, person: dict[str, str]) -> None:
    settings = load(used.aimloop.environ, used.state)
    state = State(settings.state)
    searched = {part for path in files(state.root) for part in path.relative_to(state.root).parts}
    for place in ("raw", "warehouse", "ledger.sqlite", "profiles", "bentoml", "dbt", "prefect", "reports", "serve.log"):
        assert place in searched, f"{place} was not there to be searched"
    assert list(search_folder(state.root, person, open_keys(settings, state))) == []


def test_no_key_is_written_outside_its_file(used: SmallCycle) -> None:
    keys = {key.stem: key.read_bytes().strip() for key in State(used.state).keys.iterdir()}
    assert set(keys) == {"storage", "pseudonym"}
    for path in files(used.state):
        if path.parent.name != "keys":
            content = path.read_bytes()
            assert not any(key in content for key in keys.values()), path
    assert {oct(key.stat().st_mode & 0o777) for key in State(used.state).keys.iterdir()} == {"0o600"}
