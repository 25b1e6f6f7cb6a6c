"""A champion that cannot be used stops nothing: the new version says why, and takes its place."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import joblib
import pandas as pd
import pytest
from sqlalchemy import text

from flows import train
from flows.context import Cycle, Door, version_in_use
from infra import registry
from infra.keys import Keys
from infra.ledger import Ledger
from infra.settings import Settings
from infra.state import State
from models import catalog
from models.errors import MissingColumns
from tests.unit.models.conftest import SAMPLES, Sample

NAME = "segmentation"
Trained = Callable[..., tuple[Cycle, dict[str, Any]]]


@pytest.fixture(scope="module")
def sample() -> Sample:
    return SAMPLES[NAME]()


@pytest.fixture
def trained(sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Trains on the sample in a cycle of its own, known up to so many weeks before its end; cycle and outcome."""
    state = State(tmp_path / "state").open()
    monkeypatch.setattr(train, "_is_absent", lambda *_: False)
    monkeypatch.setattr(train, "read_examples", lambda *_: sample.frame)
    monkeypatch.setattr(train.cards, "attempt", lambda *_: {"card": None, "card_problem": None})
    monkeypatch.setattr(train.catalog, "params", lambda *_, **__: sample.params)
    with closing(Ledger(state.ledger)) as ledger:
        door = Door(Settings(state=state.root), state, Keys("storage", b"pseudonym", None), ledger)

        def run(weeks_back: int = 0) -> tuple[Cycle, dict[str, Any]]:
            as_of = sample.as_of - pd.Timedelta(weeks=weeks_back)
            cycle = Cycle(f"{as_of:%Y%m%d}t000000-{uuid4().hex[:8]}", as_of, door)
            ledger.begin_cycle(cycle.id, as_of.to_pydatetime(), "company", datetime(2018, 1, 1))
            return cycle, train.train_and_register(cycle, NAME)

        yield run


def comparison(cycle: Cycle) -> dict[str, Any]:
    (version,) = cycle.door.ledger.versions(cycle.id)
    return version.comparison


def folder_of(tag: str) -> Path:
    import bentoml

    return Path(bentoml.models.get(tag).path)


def truncate(tag: str) -> None:
    file = folder_of(tag) / "fitted.joblib"
    file.write_bytes(file.read_bytes()[:1_000])


def lose(tag: str) -> None:
    import bentoml

    bentoml.models.delete(tag)


def lose_the_reference_sample(tag: str) -> None:
    (folder_of(tag) / "reference.parquet").unlink()


def as_other_code_saved_it(tag: str) -> None:
    """Before a field was there, and before versions said which fields they have."""
    fitted = registry.load(tag)
    del fitted.model.__dict__["purchases"]
    joblib.dump(fitted, folder_of(tag) / "fitted.joblib")
    (folder_of(tag) / "classes.json").unlink()


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (truncate, "cannot be read"),
        (lose, "is not in the model store"),
        (lose_the_reference_sample, "FileNotFoundError"),
        (as_other_code_saved_it, "AttributeError: 'SegmentationModel' object has no attribute 'purchases'"),
    ],
)
def test_a_champion_that_cannot_be_used_gives_way_and_the_ledger_says_why(trained: Trained, harm, why) -> None:
    first, outcome = trained(weeks_back=4)
    assert outcome["is_champion"]
    harm(outcome["tag"])

    second, outcome_after = trained()

    assert outcome_after["is_champion"]
    assert outcome_after["line"].endswith(f"({outcome['tag']} cannot be used)")
    assert comparison(second)["champion"] == outcome["tag"]
    assert comparison(second)["note"].startswith("the champion could not be used: ")
    assert why in comparison(second)["note"]
    with first.door.ledger.engine.connect() as connection:
        reasons = list(connection.execute(text("SELECT reason FROM champions ORDER BY id")).scalars())
    assert reasons[0] == "first version"
    assert reasons[1].startswith(f"the champion {outcome['tag']} could not be used: ")
    assert why in reasons[1]
    assert version_in_use(second, NAME) == outcome_after["tag"]
    assert registry.load(outcome_after["tag"]).model.names


def test_a_champion_that_needs_columns_that_are_gone_gives_way(trained: Trained, sample: Sample, monkeypatch) -> None:
    """The cycle could not be scored with it either."""
    _, outcome = trained(weeks_back=4)
    champion = replace(registry.load(outcome["tag"]), features=("attr_club",))
    joblib.dump(champion, folder_of(outcome["tag"]) / "fitted.joblib")
    predict = sample.model.predict

    def narrow(fitted, frame):
        if fitted.features == champion.features:
            raise MissingColumns(["attr_club"])
        return predict(fitted, frame)

    monkeypatch.setattr(sample.model, "predict", narrow)
    second, outcome_after = trained()

    assert outcome_after["is_champion"]
    assert "the frame lacks the columns attr_club" in comparison(second)["note"]


def test_the_place_is_taken_once(trained: Trained) -> None:
    _, outcome = trained(weeks_back=4)
    truncate(outcome["tag"])
    second, outcome_after = trained()
    assert train.train_and_register(second, NAME)["is_champion"]
    third, last = trained()
    assert not last["is_champion"]
    assert comparison(third)["champion"] == outcome_after["tag"]
    assert "note" not in comparison(third)


def test_a_champion_that_can_be_used_is_compared_and_stays(trained: Trained) -> None:
    _, outcome = trained(weeks_back=4)
    second, outcome_after = trained()

    assert not outcome_after["is_champion"]
    assert set(comparison(second)) == {"champion", "rows", "champion_metrics", "gate"}
    assert comparison(second)["champion_metrics"]["eta_squared"]["value"] > 0
    assert version_in_use(second, NAME) == outcome["tag"]


@pytest.mark.parametrize("weeks_back", [0, 4])
def test_what_cannot_be_taken_over_is_noted_and_the_champion_stays(trained: Trained, monkeypatch, weeks_back) -> None:
    trained(weeks_back=weeks_back)

    def follow(*_):
        raise ValueError("Input X contains infinity")

    monkeypatch.setitem(catalog.MODELS, NAME, replace(catalog.MODELS[NAME], follow=follow))
    second, outcome_after = trained()

    assert not outcome_after["is_champion"]
    note = "nothing was taken over from the champion: ValueError: Input X contains infinity"
    assert comparison(second)["note"] == note
    assert comparison(second)["champion_metrics"]


def test_looking_back_is_stopped_by_no_champion_and_takes_no_place(trained: Trained) -> None:
    """A version that knows less of the world than the champion scores its own cycle; services stay where they are."""
    _, outcome = trained()
    as_other_code_saved_it(outcome["tag"])
    back, outcome_back = trained(weeks_back=4)

    assert not outcome_back["is_champion"]
    assert "no attribute 'purchases'" in comparison(back)["note"]
    assert version_in_use(back, NAME) == outcome_back["tag"]
    lose(outcome["tag"])
    assert version_in_use(back, NAME) == outcome_back["tag"]


def test_a_champion_trained_on_later_data_is_not_compared(trained: Trained) -> None:
    _, outcome = trained()
    back, _ = trained(weeks_back=4)
    note = "the champion was trained on later data: not comparable"
    assert comparison(back) == {"champion": outcome["tag"], "note": note}
