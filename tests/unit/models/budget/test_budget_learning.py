"""Curves from history, and plans against what came of them."""

import numpy as np
import pandas as pd
import pytest

from models.budget.curves import Prior, Sampled, fit
from models.budget.problem import of_channels
from models.budget.realised import compare, trend
from models.budget.solve import solve
from tests.budget_problems import EXAMPLE

PRIOR = Prior(unit_return=2.0, max_units=1_000, worth_units=500)


def history(units, results, channel="feed") -> pd.DataFrame:
    return pd.DataFrame({"channel": channel, "units": units, "result": results})


def saturating(units: np.ndarray) -> np.ndarray:
    return 3 * 200 * np.log1p(units / 200)


def noisy(shape, seed=0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    units = rng.uniform(20, 1_000, 40)
    return history(units, shape(units) * rng.normal(1, 0.05, len(units)))


def test_without_history_the_prior_holds_and_says_so():
    fitted = fit(history([], []), {"feed": PRIOR})["feed"]
    assert (fitted.source, fitted.curve.marginal, fitted.curve.widths) == ("prior", (2.0,), (1_000,))
    assert fitted.curve.low[0] == pytest.approx(2 - 1.96 * 0.5 * 2, abs=1e-3)
    assert fitted.words == "feed: assumed, no history"


def test_a_short_history_moves_the_prior_by_its_weight():
    fitted = fit(history([250, 250], [300, 200]), {"feed": PRIOR})["feed"]
    assert fitted.source == "prior and history"
    assert fitted.curve.marginal == pytest.approx((0.5 * 1 + 0.5 * 2,))


def test_a_rate_is_no_surer_than_the_responses_it_was_counted_from():
    """Four responses in 40,000,000 contacts: the true rate may be a third of that, or three times it."""
    prior = Prior(unit_return=1e-7, max_units=1e9, worth_units=1e5)
    few = history([2e7, 2e7], [2.0, 2.0])
    wide = fit(few, {"feed": prior}, sampled={"feed": Sampled(below=0.7e-7, above=1.6e-7)})["feed"].curve
    assert wide.marginal == pytest.approx((1e-7,))
    assert (wide.low[0], wide.high[0]) == pytest.approx((0.3e-7, 2.6e-7), rel=0.02)


def test_a_fitted_curve_is_no_surer_than_its_responses_either():
    fitted = fit(noisy(lambda units: 1.5 * units), {"feed": PRIOR}, sampled={"feed": Sampled(below=0.6, above=0.9)})
    curve = fitted["feed"].curve
    assert (curve.low[0], curve.high[0]) == pytest.approx((0.9, 2.4), rel=0.05)


def test_a_bend_is_found_where_there_is_one():
    fitted = fit(noisy(saturating), {"feed": PRIOR})["feed"]
    assert fitted.source == "history"
    widths, marginal = np.array(fitted.curve.widths), np.array(fitted.curve.marginal)
    assert (np.diff(marginal) < 0).all()
    assert float(widths @ marginal) == pytest.approx(saturating(np.array(1_000.0)), rel=0.05)
    edges = np.linspace(0, 1_000, 9)
    true = np.diff(saturating(edges)) / np.diff(edges)
    assert (np.array(fitted.curve.low) <= true).all()
    assert (np.array(fitted.curve.high) >= true).all()


def test_a_line_is_left_straight():
    fitted = fit(noisy(lambda units: 1.5 * units), {"feed": PRIOR})["feed"]
    assert (fitted.source, len(fitted.curve.marginal)) == ("history", 1)
    assert fitted.curve.marginal[0] == pytest.approx(1.5, rel=0.03)
    assert "returns are not seen to fall" in fitted.words


def test_fitted_curves_make_a_plan():
    curves = {name: found.curve for name, found in fit(noisy(saturating), {"feed": PRIOR}).items()}
    solution = solve(of_channels(EXAMPLE.assign(min_units=0), 100_000, curves=curves))
    assert solution.status == "optimal"
    assert solution.expected_return > 0


PLANNED = pd.DataFrame(
    {"channel": ["mail", "sms"], "units": [100.0, 50.0], "cost": [100.0, 100.0], "expected_return": [200.0, 150.0]}
)
OUTCOMES = pd.DataFrame(
    {"channel": ["mail", "sms"], "units": [100.0, 50.0], "cost": [100.0, 120.0], "realised_return": [150.0, 180.0]}
)


def test_a_plan_is_compared_with_what_came_of_it():
    mail, sms = compare(PLANNED, OUTCOMES)
    assert (mail.gap, mail.roi) == pytest.approx((-0.25, 0.5))
    assert (sms.gap, sms.roi) == pytest.approx((0.2, 0.5))
    assert mail.incremental_return is None
    assert mail.words == (
        "mail: planned 200.00, realised 150.00 (-25.0%); "
        "without a control group nobody knows how much of it would have come anyway"
    )


def test_a_channel_without_outcomes_missed_its_whole_goal():
    _, sms = compare(PLANNED, OUTCOMES[:1])
    assert (sms.gap, sms.roi, sms.realised_return) == (-1, None, 0)


def test_only_a_control_group_makes_a_return_incremental():
    control = OUTCOMES.assign(
        customers=[100.0, np.nan],
        control_customers=[50.0, np.nan],
        control_return=[25.0, np.nan],
        return_squares=[100 * (1.5**2 + 1), np.nan],
        control_squares=[50 * (0.5**2 + 1), np.nan],
    )
    mail, sms = compare(PLANNED, control)
    assert mail.incremental_return == pytest.approx(150 - 100 * 0.5)
    half = 1.96 * 100 * (1 / 99 + 1 / 49) ** 0.5
    assert mail.incremental_interval == pytest.approx((100 - half, 100 + half), abs=0.01)
    assert sms.incremental_return is None


def test_a_trend_is_told_from_three_cycles_on_and_only_where_it_is_sure():
    gaps = pd.DataFrame(
        {
            "channel": ["mail"] * 4 + ["sms"] * 4 + ["feed"] * 2,
            "cycle": [1, 2, 3, 4, 1, 2, 3, 4, 1, 2],
            "gap": [-0.4, -0.3, -0.21, -0.1, 0.1, -0.1, 0.1, -0.1, 0, 1],
        }
    )
    words = trend(gaps).set_index("channel")["words"]
    assert words["mail"] == "mail: the gap rises by 9.9% of the plan each cycle"
    assert words["sms"] == "sms: no trend can be told from 4 cycles"
    assert words["feed"] == "feed: 2 cycles are too few for a trend"
