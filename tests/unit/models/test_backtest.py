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


@dataclass(frozen=True)
class Rounds:
    rounds: int = 99
    leaves: int = 5


@dataclass
class Fake:
    """``losses`` are what rehearsing tells, by the month a window begins in."""

    losses: dict[int, list[float] | None]
    too_little: tuple[int, ...] = ()
    rehearsed: list[int] = field(default_factory=list)

    def windows(self, as_of, params):
        assert as_of == APRIL
        return [Window(JANUARY, FEBRUARY), Window(FEBRUARY, MARCH), Window(MARCH, APRIL)]

    def split(self, frame, window, params):
        return frame[frame["at"] < window.origin], frame[frame["at"].between(window.origin, window.end)]

    def rehearse(self, past, later, params):
        month = later["at"].iloc[0].month
        self.rehearsed.append(month)
        if month in self.too_little:
            raise TooLittleHistory("too few")
        losses = self.losses[month]
        series = None if losses is None else pd.Series(losses, index=range(1, len(losses) + 1))
        return Rehearsal({"auc": Metric(month / 10)}, series)

    def train(self, past, params):
        if "train" in self.too_little:
            raise TooLittleHistory("too few")
        return Fitted("model", ("at",), past, {"params": params, "rows": len(past)})

    def evaluate(self, fitted, later, params):
        return {"auc": Metric(0.7), "rows": Metric(float(len(later)))}


@pytest.mark.parametrize(
    ("january", "february", "rounds"),
    [
        # mean: 0.75  0.575 0.60  0.675
        ([0.70, 0.45, 0.60, 0.40], [0.80, 0.70, 0.60, 0.95], 2),  # alone they would choose 4 and 3
        ([0.40, 0.50, 0.60, 0.70], [0.40, 0.50, 0.60, 0.70], 1),
        ([0.70, 0.60, 0.50, 0.40], [0.70, 0.60, 0.50, 0.40], 4),
        ([0.70, 0.50, 0.50, 0.60], [0.70, 0.50, 0.50, 0.60], 2),  # the fewest among equals
        (None, [0.80, 0.50, 0.55, 0.90], 2),
        (None, None, 99),
    ],
)
def test_rounds_are_those_with_the_least_mean_loss_over_the_earlier_windows(january, february, rounds):
    result = backtest(Fake({1: january, 2: february}), FRAME, APRIL, Rounds())
    assert result.fitted.notes["params"] == Rounds(rounds=rounds)


def test_parameters_without_rounds_are_left_as_they_are():
    result = backtest(Fake({1: None, 2: None}), FRAME, APRIL, "no rounds")
    assert result.fitted.notes["params"] == "no rounds"


def test_the_reported_window_takes_no_part_in_choices():
    model = Fake({1: [0.5], 2: [0.5]})
    result = backtest(model, FRAME, APRIL, Rounds())
    assert model.rehearsed == [1, 2]
    assert result.window == Window(MARCH, APRIL)


def test_earlier_windows_are_reported_by_their_origin():
    result = backtest(Fake({1: [0.5], 2: [0.5]}), FRAME, APRIL, Rounds())
    assert result.earlier == {"2017-01-01": {"auc": Metric(0.1)}, "2017-02-01": {"auc": Metric(0.2)}}


@pytest.mark.parametrize(
    ("too_little", "earlier", "rounds"), [((1,), ["2017-02-01"], 2), ((2,), ["2017-01-01"], 4), ((1, 2), [], 99)]
)
def test_an_earlier_window_with_too_little_history_is_left_out(too_little, earlier, rounds):
    model = Fake({1: [0.70, 0.65, 0.55, 0.40], 2: [0.80, 0.50, 0.55, 0.90]}, too_little)
    result = backtest(model, FRAME, APRIL, Rounds())
    assert list(result.earlier) == earlier
    assert result.fitted.notes["params"].rounds == rounds


def test_too_little_history_before_the_reported_window_is_said():
    with pytest.raises(TooLittleHistory):
        backtest(Fake({1: [0.5], 2: [0.5]}, too_little=("train",)), FRAME, APRIL, Rounds())


def test_the_rows_evaluated_on_are_kept():
    result = backtest(Fake({1: [0.5], 2: [0.5]}), FRAME, APRIL, Rounds())
    assert result.later["at"].tolist() == [pd.Timestamp("2017-03-10"), pd.Timestamp("2017-03-20")]
    assert result.metrics["rows"].value == 2
    assert result.fitted.notes["rows"] == 3
