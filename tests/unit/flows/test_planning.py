"""`aimloop plan` for people, from the files they write to what they see."""

import io
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from flows.cli import app
from flows.context import Door
from flows.planning import Question, what_if
from flows.terminal_plan import show_cycles_plan, show_plan
from infra import warehouse
from infra.errors import AimloopError
from tests import small_state
from tests.unit.infra import channel_examples

HEAD = "channel,unit_cost,unit_return,max_units,min_units"


@pytest.fixture
def asked(tmp_path: Path) -> Any:
    """Plan channels of a file, in a state folder without a cycle."""
    fresh = small_state.open_door(tmp_path / "state")

    def ask(*lines: str, budget: float = 100, current: str = "", **more: Any) -> dict[str, Any]:
        file, now = tmp_path / "channels.csv", tmp_path / "current.csv"
        file.write_text("\n".join(lines), encoding="utf-8")
        now.write_text(current, encoding="utf-8")
        settings = fresh.settings.model_copy(update={"budget": budget, "solver": more.pop("solver", "highs")})
        door = Door(settings, fresh.state, fresh.keys, fresh.ledger)
        return what_if(door, Question(channels=file, current=now if current else None, **more))

    return ask


def seen(show: Any, plan: dict[str, Any]) -> str:
    console = Console(file=io.StringIO(), width=80)
    show(console, plan)
    return " ".join(console.file.getvalue().replace("│", " ").split())  # type: ignore[attr-defined]


def test_todays_plan_is_compared_and_its_own_errors_name_its_own_file(asked: Any) -> None:
    lines = (HEAD, "one,1,3,100,0", "two,1,2,100,0")
    found = asked(*lines, current="channel,units\none,20\ntwo,80\n")
    assert found["comparison"]["difference"] == 80
    text = seen(show_plan, found)
    for word in ("return 300 for 100 of 100", "the best plan returns 80.00 more", "◀ this budget", "as given"):
        assert word in text
    assert "assumed" not in text.split("Best return")[0]
    with pytest.raises(AimloopError) as refused:
        asked(*lines, current="channel,units\none,20\nthree,80\n")
    assert "the plan has no channel 'three'" in refused.value.what
    assert "current.csv" in refused.value.what


def test_consent_limits_a_channel_whose_return_is_given(asked: Any, tmp_path: Path) -> None:
    """Of the hand-made company one customer consents; its mailing contacts people, a poster does not."""
    state = small_state.open_door(tmp_path / "state").state
    channel_examples.build(warehouse.generation(state, "20170529t000000-a"))
    warehouse.publish(state, "20170529t000000-a")
    mailing, poster = asked(HEAD, "mailing,1,9,50,0", "poster,1,3,50,0")["allocation"]
    assert (mailing["units"], poster["units"]) == (1, 50)


@pytest.mark.parametrize(
    ("option", "word"),
    [
        ("--periods=spring=nan", "'nan' is no finite number"),
        ("--max-share=feed=inf", "'inf' is no finite number"),
        ("--max-share=feed=much", "'much' is no number"),
        ("--periods=spring=5", "give the channels a column 'period'"),
    ],
)
def test_options_that_limit_nothing_are_refused(
    option: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIMLOOP_STATE", str(tmp_path / "state"))
    ended = CliRunner().invoke(app, ["plan", "--budget", "1130000", option])
    assert ended.exit_code == 2
    assert word in " ".join(ended.output.split())


def test_an_empty_return_without_a_cycle_says_what_to_do(asked: Any) -> None:
    with pytest.raises(AimloopError, match="line 2, column 'unit_return'"):
        asked(HEAD, "one,1,,100,0")


def test_a_solver_that_is_missing_is_named(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "highspy", None)
    with pytest.raises(AimloopError, match="HiGHS is not installed"):
        asked(HEAD, "one,1,3,100,0")
    assert asked(HEAD, "one,1,3,100,0", solver="cbc")["expected_return"] == 300


def test_a_plan_that_ran_out_of_time_is_marked() -> None:
    line = {"channel": "one", "units": 1.0, "cost": 1.0, "expected_return": 2.0, "binds": None}
    plan = {
        "budget": 1.0, "cost": 1.0, "expected_return": 2.0, "marginal_return": 0.0, "allocation": [line],
        "status": "best found", "gap": 0.0123, "comparison": None, "values": [], "next_money": [],
        "conservative": None, "frontier": None, "sources": [],
    }  # fmt: skip
    assert "Time ran out: the best plan found; the gap to the best there is: at most 1.23%" in seen(show_plan, plan)


def test_plans_of_earlier_code_are_still_shown() -> None:
    line = {"channel": "feed", "units": 1.0, "cost": 50.0, "expected_return": 3.2, "binds": "minimum"}
    old = {"budget": 60.0, "cost": 50.0, "expected_return": 3.2, "marginal_return": 0.064, "allocation": [line]}
    assert "cost (assumed)" in seen(show_cycles_plan, old)


def test_what_came_of_the_last_plan_is_told_where_it_was_measured() -> None:
    line = {"channel": "one", "units": 1.0, "cost": 1.0, "expected_return": 2.0, "binds": None, "cost_is": "given"}
    channels = [
        {"channel": "one", "is_measured": True, "words": "promised 2, came 1"},
        {"channel": "tv", "is_measured": False, "words": "not measured"},
    ]
    realised = {"cycle": "c0", "line": "promised 2, came 1 (-50%)", "channels": channels}
    plan = {"budget": 1.0, "cost": 1.0, "expected_return": 2.0, "marginal_return": 0.0, "allocation": [line]}
    text = seen(show_cycles_plan, plan | {"realised": realised, "report": "reports/c/budget.html"})
    assert "Last plan (c0): promised 2, came 1 (-50%)" in text
    assert "one: promised 2, came 1" in text
    assert "tv:" not in text
