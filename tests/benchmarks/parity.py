"""Do the services say what batch predictions say? Asked on real impressions that came after the cycle."""

import hashlib
import json
from pathlib import Path

import pandas as pd

from infra import registry, warehouse
from infra.contracts import ImpressionFeatures
from infra.intake import raw_zone
from infra.keys import open_keys
from infra.settings import load
from infra.state import State
from models import ctr
from tests.conftest import Aimloop
from tests.e2e.service import served

AS_OF, LATER = "2017-12-04", "2018-01-01"
ROWS = 1000


def logged_impressions(aimloop: Aimloop, as_of: str, rows: int = ROWS) -> pd.DataFrame:
    """Real impressions of the week after ``as_of``, with the digest that the marts know them by."""
    settings = load(aimloop.environ, aimloop.state)
    state = State(settings.state)
    keys = open_keys(settings, state)
    with raw_zone.open_raw_zone(state, keys) as connection:
        found = connection.execute(
            f"""SELECT impression_id, customer_id, product_id, channel, placement FROM raw.impressions
                WHERE shown_at >= TIMESTAMP '{as_of}' AND shown_at < TIMESTAMP '{as_of}' + INTERVAL 7 DAY
                ORDER BY hash(impression_id) LIMIT {rows}"""
        ).df()
    pseudonyms = found["customer_id"].map(keys.pseudonymise)
    texts = (p + i for p, i in zip(pseudonyms, found["impression_id"], strict=True))
    return found.assign(digest=[hashlib.md5(text.encode()).hexdigest() for text in texts])


def ask(client, logged: pd.DataFrame) -> list[float]:  # type: ignore[no-untyped-def]
    """Click probabilities over HTTP, as an application asks for them."""
    asked = logged[["customer_id", "product_id", "channel", "placement"]].to_dict("records")
    answer = client.post("/ctr", json={"impressions": asked}).raise_for_status().json()
    return [row["click_probability"] for row in answer["impressions"]]


def batch_predictions(aimloop: Aimloop, tag: str, later_cycle: str, as_of: str) -> pd.DataFrame:
    """The version's predictions from a later cycle's marts, for impressions of the week after ``as_of``."""
    state = State(aimloop.state)
    name, version = tag.split(":")
    fitted = registry.load_folder(state.bentoml / "models" / name / version)
    later = warehouse.generation(state, later_cycle)
    features = later.read(ImpressionFeatures, "impression_features", f"snapshot_at = TIMESTAMP '{as_of}'")
    return features[["impression_id"]].assign(batch=ctr.predict(fitted, features)["click_probability"])


def compare(logged: pd.DataFrame, answers: list[float], batch: pd.DataFrame) -> pd.DataFrame:
    """Answers beside batch predictions, one row an impression that both know."""
    return logged.assign(answer=answers).merge(batch, left_on="digest", right_on="impression_id")


def largest_difference(folder: Path) -> float:
    """Two cycles on the whole data, four weeks apart; the services asked in between."""
    aimloop = Aimloop(folder / "state")
    first = json.loads(_checked(aimloop, "run", "--json", "--as-of", AS_OF))
    logged = logged_impressions(aimloop, AS_OF)
    with served(aimloop) as client:
        answers = ask(client, logged)
    later = json.loads(_checked(aimloop, "run", "--json", "--as-of", LATER))
    batch = batch_predictions(aimloop, first["models"]["ctr"]["tag"], later["cycle"]["id"], AS_OF)
    both = compare(logged, answers, batch)
    assert len(both) == ROWS, f"{len(both)} of {ROWS} impressions found again"
    return float((both["answer"] - both["batch"]).abs().max())


def _checked(aimloop: Aimloop, *arguments: str) -> str:
    done = aimloop(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout
