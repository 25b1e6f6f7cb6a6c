"""How choices are made on earlier windows, with a model that only writes down what it is asked."""

from dataclasses import dataclass, field

import pandas as pd
import pytest

from models.backtest import Rehearsal, Window, backtest
from models.errors import TooLittleHistory
from models.fitted import Fitted
from models.metrics import Metric

JANUARY, FEBRUARY, MARCH, APRIL = (pd.Timestamp(2017, month, 1) for month in (1, 2, 3, 4))
FRAME = pd.DataFrame({"at": pd.to_datetime(["2016-12-05", "2017-01-10", "2017-02-10", "2017-03-10", "2017-03-20"])})


@dataclass
class Fake:
    """Rehearsing tells the month a window begins in; choosing turns ``"params"`` into the months it was told."""

    too_little: tuple[int | str, ...] = ()
    rehearsed: list[int] = field(default_factory=list)
    told: list[Rehearsal] = field(default_factory=list)

    def windows(self, as_of, params):
        assert as_of == APRIL
        return [Window(JANUARY, FEBRUARY), Window(FEBRUARY, MARCH), Window(MARCH, APRIL)]

    def split(self, frame, window, params):
        return frame[frame["at"] < window.origin], frame[frame["at"].between(window.origin, window.end)]

    def rehearse(self, past, later, params):
        assert params == "params"
        month = later["at"].iloc[0].month
        self.rehearsed.append(month)
        if month in self.too_little:
            raise TooLittleHistory("too few")
        return Rehearsal({"auc": Metric(month / 10)}, evidence=month)

    def choose(self, rehearsals, params):
        self.told = rehearsals
        return f"{params} chosen in {[rehearsal.evidence for rehearsal in rehearsals]}"

    def train(self, past, params):
        if "train" in self.too_little:
            raise TooLittleHistory("too few")
        return Fitted("model", ("at",), past, {"params": params, "rows": len(past)})

    def evaluate(self, fitted, later, params):
        return {"auc": Metric(0.7), "rows": Metric(float(len(later))), params: Metric(1.0)}


def test_choices_are_made_on_the_earlier_windows_and_trained_with():
    model = Fake()
    result = backtest(model, FRAME, APRIL, "params")
    assert model.told == [Rehearsal({"auc": Metric(0.1)}, 1), Rehearsal({"auc": Metric(0.2)}, 2)]
    assert result.params == result.fitted.notes["params"] == "params chosen in [1, 2]"
    assert result.params in result.metrics  # and evaluated with


def test_the_reported_window_takes_no_part_in_choices():
    model = Fake()
    result = backtest(model, FRAME, APRIL, "params")
    assert model.rehearsed == [1, 2]
    assert result.window == Window(MARCH, APRIL)


def test_earlier_windows_are_reported_by_their_origin():
    result = backtest(Fake(), FRAME, APRIL, "params")
    assert result.earlier == {"2017-01-01": {"auc": Metric(0.1)}, "2017-02-01": {"auc": Metric(0.2)}}


@pytest.mark.parametrize(
    ("too_little", "earlier", "chosen"),
    [((1,), ["2017-02-01"], "[2]"), ((2,), ["2017-01-01"], "[1]"), ((1, 2), [], "[]")],
)
def test_an_earlier_window_with_too_little_history_is_left_out(too_little, earlier, chosen):
    result = backtest(Fake(too_little), FRAME, APRIL, "params")
    assert list(result.earlier) == earlier
    assert result.params == f"params chosen in {chosen}"


def test_too_little_history_before_the_reported_window_is_said():
    with pytest.raises(TooLittleHistory):
        backtest(Fake(too_little=("train",)), FRAME, APRIL, "params")


def test_the_rows_evaluated_on_are_kept():
    result = backtest(Fake(), FRAME, APRIL, "params")
    assert result.later["at"].tolist() == [pd.Timestamp("2017-03-10"), pd.Timestamp("2017-03-20")]
    assert result.metrics["rows"].value == 2
    assert result.fitted.notes["rows"] == 3
