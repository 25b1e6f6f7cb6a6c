"""Services follow the ledger: who answers before, during and after a change of champion."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import pandas as pd
import pytest

from bentos import routing
from bentos.routing import Versions
from infra import registry
from infra.audit import Audit
from infra.experiments import Experiments
from infra.ledger import Ledger
from infra.promotions import Promotions
from infra.state import State

NOW = datetime(2018, 1, 1, 12)
NAMES = dict.fromkeys(("churn", "ctr"), lambda fitted, columns: pytest.fail("nothing is scored here"))


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path / "state").open()


@pytest.fixture
def ledger(state: State) -> Iterator[Ledger]:
    with closing(Ledger(state.ledger)) as ledger:
        ledger.begin_cycle("c1", NOW, "test", NOW)
        yield ledger


def saved(model: str = "churn") -> str:
    """A version in the store; what is fitted is its own tag."""
    tag = registry.tag_of(model, f"20171204t000000-{uuid4().hex[:8]}")
    registry.save(tag, tag, pd.DataFrame({"orders": [1]}), {})
    return tag


@pytest.fixture
def crown(ledger: Ledger) -> Callable[[str], str]:
    """Make a version champion; the one before is said to be of no use."""

    def crowned(tag: str) -> str:
        assert ledger.register(tag, tag.partition(":")[0], "c1", {"as_of": "2017-12-04"}, {}, NOW, unusable="test")
        return tag

    return crowned


def served(found: Versions, name: str = "churn") -> str | None:
    route = found.routes.get(name)
    assert route is None or route.champion.tag == route.champion.fitted  # never the tag of one, the model of another
    return route.champion.tag if route else None


def model_file(tag: str) -> Path:
    import bentoml

    return Path(bentoml.models.get(tag).path) / "fitted.joblib"


def spoil(tag: str) -> None:
    model_file(tag).write_bytes(b"\x80torn")


def test_the_ledgers_champion_answers(state, crown) -> None:
    tag = crown(saved())
    found = Versions(state.ledger, NAMES, {"churn": saved()})
    assert (served(found), served(found, "ctr")) == (tag, None)
    assert found.troubles == {}


def test_without_a_ledger_the_packaged_version_answers(tmp_path) -> None:
    tag = saved()
    assert served(Versions(tmp_path / "none.sqlite", NAMES, {"churn": tag})) == tag


def test_a_new_champion_is_taken_up_at_the_next_look(state, crown) -> None:
    first = crown(saved())
    found = Versions(state.ledger, NAMES, {})
    held = found.routes["churn"].champion
    second = crown(saved())
    assert served(found) == first
    found.look()
    assert served(found) == second
    assert held.fitted == first  # a request that has begun ends with the version it began with


def test_a_version_that_cannot_be_loaded_leaves_the_one_before_and_is_told(state, crown) -> None:
    first = crown(saved())
    found = Versions(state.ledger, NAMES, {})
    broken = saved()
    spoil(broken)
    crown(broken)
    found.look()
    assert served(found) == first
    assert broken.partition(":")[2] in found.troubles["churn"]
    third = crown(saved())
    found.look()
    assert (served(found), found.troubles) == (third, {})


def test_at_the_start_the_packaged_version_stands_in_for_one_that_cannot_be_loaded(state, crown) -> None:
    broken, packaged = crown(saved()), saved()
    spoil(broken)
    found = Versions(state.ledger, NAMES, {"churn": packaged})
    assert served(found) == packaged
    assert broken.partition(":")[2] in found.troubles["churn"]
    assert served(Versions(state.ledger, NAMES, {})) is None


def test_a_ledger_that_is_gone_changes_nothing(state, crown) -> None:
    tag = crown(saved())
    found = Versions(state.ledger, NAMES, {})
    for file in state.root.glob("ledger.sqlite*"):
        file.unlink()
    found.look()
    assert served(found) == tag


def test_a_version_that_is_put_back_is_taken_up(state, crown, monkeypatch) -> None:
    monkeypatch.setattr(routing, "RETRY_SECONDS", 0.0)
    tag = crown(saved())
    file = model_file(tag)
    whole = file.read_bytes()
    spoil(tag)
    found = Versions(state.ledger, NAMES, {})
    assert served(found) is None
    file.write_bytes(whole)
    found.look()
    assert (served(found), found.troubles) == (tag, {})


def test_what_cannot_be_loaded_is_not_read_again_at_every_look(state, crown, monkeypatch) -> None:
    spoil(crown(saved()))
    found = Versions(state.ledger, NAMES, {})
    monkeypatch.setattr(registry, "load", lambda _: pytest.fail("read again"))
    found.look()
    assert list(found.troubles) == ["churn"]


# ── experiments ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def experiments(ledger: Ledger) -> Experiments:
    return Experiments(ledger)


@pytest.fixture
def challenge(ledger: Ledger, experiments: Experiments) -> Callable[[float | None], str]:
    """Let a new version of churn answer for a share of the customers, or score in the shadow."""

    def challenged(share: float | None) -> str:
        tag = saved()
        ledger.register(tag, "churn", "c1", {"as_of": "2017-12-04"}, {}, NOW)
        experiments.start("churn", tag, share, "test", NOW, Audit(ledger, "tests", "tests"))
        return tag

    return challenged


CUSTOMERS = [str(number) for number in range(1_000)]


def answering(found: Versions) -> dict[str, str]:
    """By customer: the tag of the version that answers."""
    return {customer: found.routes["churn"].of(customer)[1].tag for customer in CUSTOMERS}


def test_a_challenger_answers_for_its_share_and_nobody_changes_sides(
    state, ledger, crown, challenge, experiments
) -> None:
    champion, challenger = crown(saved()), challenge(0.2)
    found = Versions(state.ledger, NAMES, {})
    first = answering(found)
    assert set(first.values()) == {champion, challenger}
    assert 150 < list(first.values()).count(challenger) < 250
    assert Versions(state.ledger, NAMES, {}).routes["churn"].of("7")[1].tag == first["7"]  # another worker
    experiments.raise_share("churn", 0.5, NOW, Audit(ledger, "tests", "tests"))
    found.look()
    second = answering(found)
    assert 430 < list(second.values()).count(challenger) < 570
    assert all(second[customer] == challenger for customer, tag in first.items() if tag == challenger)
    variant, _, propensity = found.routes["churn"].of(next(c for c, tag in first.items() if tag == challenger))
    assert (variant, propensity) == ("challenger", 0.5)


def test_a_challenger_in_the_shadow_answers_nobody(state, crown, challenge) -> None:
    champion, challenger = crown(saved()), challenge(None)
    route = Versions(state.ledger, NAMES, {}).routes["churn"]
    assert {route.of(customer)[1].tag for customer in CUSTOMERS} == {champion}
    assert route.of("7") == ("champion", route.champion, 1.0)
    assert route.shadow is not None
    assert route.shadow.tag == challenger


def test_a_challenger_that_cannot_be_loaded_leaves_everybody_to_the_champion(state, crown, challenge) -> None:
    champion, challenger = crown(saved()), challenge(0.5)
    spoil(challenger)
    found = Versions(state.ledger, NAMES, {})
    assert set(answering(found).values()) == {champion}
    assert found.troubles["churn"].startswith("the challenger: ")


def test_when_an_experiment_ends_the_champion_answers_everybody(state, ledger, crown, challenge, experiments) -> None:
    champion, _ = crown(saved()), challenge(0.5)
    found = Versions(state.ledger, NAMES, {})
    experiments.end("churn", "enough", NOW, Audit(ledger, "tests", "tests"))
    found.look()
    assert set(answering(found).values()) == {champion}


def test_a_promoted_challenger_is_not_loaded_a_second_time(state, ledger, crown, challenge, monkeypatch) -> None:
    crown(saved())
    challenger = challenge(0.5)
    found = Versions(state.ledger, NAMES, {})
    held = found.routes["churn"].challenger
    monkeypatch.setattr(registry, "load", lambda _: pytest.fail("loaded again"))
    Promotions(ledger).promote(challenger, "better", NOW, Audit(ledger, "tests", "tests"))
    found.look()
    assert found.routes["churn"].champion is held
    assert set(answering(found).values()) == {challenger}
