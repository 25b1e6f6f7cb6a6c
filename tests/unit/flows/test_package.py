"""Bentos are put in place whole, in the stead of what was there."""

from pathlib import Path

import pytest

from flows import package
from flows.context import Cycle, Door
from tests.small_state import AS_OF


def files_below(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def cycle(door: Door) -> Cycle:
    door.ledger.begin_cycle("g1", AS_OF.to_pydatetime(), "test", AS_OF.to_pydatetime())
    return Cycle("g1", AS_OF, door)


def build_a_file(store: Path, champions: dict[str, str], version: str) -> dict[str, str]:
    (store / "aimloop" / version).mkdir(parents=True)
    (store / "aimloop" / version / "bento.yaml").write_text("new")
    (store / "aimloop" / "latest").write_text(version)
    return {"aimloop": "entry"}


def test_half_a_bento_of_an_interrupted_run_is_replaced(cycle: Cycle, monkeypatch: pytest.MonkeyPatch) -> None:
    home = cycle.door.state.bentoml
    for left in ("bentos/aimloop/g1/src", "packing/aimloop/g1", "tmp/bentoml_bento_aimloopx"):
        (home / left).mkdir(parents=True)
        (home / left / "half.py").write_text("torn")
    monkeypatch.setattr(package, "_build_beside", build_a_file)

    result = package.build(cycle)

    assert files_below(home / "bentos") == {"aimloop/g1/bento.yaml": "new", "aimloop/latest": "g1"}
    assert not (home / "packing").exists()
    assert not list((home / "tmp").iterdir())
    assert (result["tag"], result["bentos"]) == ("aimloop:g1", {"aimloop": {"tag": "aimloop:g1", "entry": "entry"}})


def test_where_building_fails_the_bentos_stay_as_they_are(cycle: Cycle, monkeypatch: pytest.MonkeyPatch) -> None:
    home = cycle.door.state.bentoml
    monkeypatch.setattr(package, "_build_beside", build_a_file)
    package.build(cycle)

    def fail(store: Path, champions: dict[str, str], version: str) -> dict[str, str]:
        build_a_file(store, champions, version)
        raise OSError("no space left on device")

    monkeypatch.setattr(package, "_build_beside", fail)
    with pytest.raises(OSError, match="no space"):
        package.build(cycle)
    assert files_below(home / "bentos") == {"aimloop/g1/bento.yaml": "new", "aimloop/latest": "g1"}
    assert not (home / "packing").exists()


def test_a_service_owns_the_champions_that_it_imports() -> None:
    champions = {"churn": "churn:c1", "clv": "clv:c1"}
    assert package.needed("bentos.services.segment:Segment", champions)[1] == {}
