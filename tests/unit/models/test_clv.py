"""Customer lifetime value: the line, the trees upon it, the interval, and the windows of one short year."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from models import clv
from models.backtest import Window
from models.clv import ClvModel, Params
from models.encoding import Encoder
from models.errors import DisguisedLabel, TooLittleHistory, UnusableLabel
from models.explanation import in_words
from models.fitted import Fitted

QUICK = Params(horizon_days=56, rounds=20, interval_rounds=20, learning_rate=0.1, min_rows_in_leaf=20, resamples=20)
MONDAY = pd.Timestamp("2017-01-02")
METRICS = {
    *("r2", "mae", "baseline_r2", "baseline_mae", "purchases_r2", "purchases_mae", "bias_ratio", "rows"),
    *("mae_gain_over_last_period", "mae_gain_over_purchases", "coverage", "interval_width"),
}


class Says:
    """A booster that always says the same ratio."""

    def __init__(self, ratio: float) -> None:
        self.ratio = ratio

    def predict(self, matrix):
        return np.full(len(matrix), self.ratio)


def spends(per_day: float, *, says: float = 0.0, low: float = -0.5, high: float = 0.5, correction: float = 0.0) -> list:
    """What is predicted, to the cent, of a customer by a line of 10 + 0.9 × level, with 20 added in ratios."""
    encoder = Encoder(clv.NUMERIC, {})
    model = ClvModel(encoder, 90, 10.0, 0.9, 100.0, 20.0, Says(says), (Says(low), Says(high)), correction)
    frame = pd.DataFrame({name: [per_day if name == clv.LEVEL else np.nan] for name in clv.NUMERIC})
    (row,) = clv.predict(Fitted(model, clv.NUMERIC, pd.DataFrame()), frame).round(2).itertuples(index=False)
    return list(row)


def weekly_examples(weeks: int) -> pd.DataFrame:
    snapshots = pd.Series(pd.date_range(MONDAY, periods=weeks, freq="7D"))
    labels = snapshots + pd.Timedelta(days=90)
    days = (snapshots - MONDAY).dt.days + 1.0
    return pd.DataFrame({"snapshot_at": snapshots, "label_ends_at": labels, "tenure_days": days})


# ── predictions ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arguments", "predicted"),
    [
        # 2 a day: the line says 10 + 0.9 × 180 = 172, and a ratio is one of 172 + 20 = 192
        ({"per_day": 2.0}, [172.0, 76.0, 268.0]),
        ({"per_day": 2.0, "says": 0.25}, [220.0, 76.0, 268.0]),
        ({"per_day": 2.0, "correction": 0.25}, [172.0, 28.0, 316.0]),  # a quarter of 192 further on both sides
        ({"per_day": 2.0, "says": 1.0}, [364.0, 76.0, 364.0]),  # the interval holds what is expected
        ({"per_day": 2.0, "says": -0.75}, [28.0, 28.0, 268.0]),
        ({"per_day": 0.0, "says": -1.0}, [0.0, 0.0, 25.0]),  # nobody is expected to spend less than nothing
        ({"per_day": -3.0}, [10.0, 0.0, 25.0]),  # money returned counts as none spent
    ],
)
def test_trees_move_the_line_in_proportion_and_the_interval_holds_what_is_expected(arguments, predicted):
    assert spends(**arguments) == predicted


def test_the_trees_see_other_views_of_spend_in_proportion_to_the_level():
    """A customer ten times as great looks the same, but for the level itself."""
    model = ClvModel(Encoder(clv.NUMERIC, {}), 90, 0.0, 1.0, 0.0, 0.0)
    one = np.array([[2.0, 3.0, 1.0, 90.0, 5, 4, 1, 9, 0.1]])
    great = one * np.where(np.arange(9) < 4, 10.0, 1.0)
    assert model.relative(one).tolist() == [[2.0, 1.5, 0.5, 0.5, 5, 4, 1, 9, 0.1]]
    assert model.relative(great)[0, 1:].tolist() == model.relative(one)[0, 1:].tolist()


def test_an_explanation_is_in_money(clv_examples):
    fitted = clv.train(clv_examples, QUICK)
    said = clv.explain(fitted, clv_examples.head(3))
    assert [len(reasons) for reasons in said] == [3, 3, 3]
    assert all(re.search(r" \([+-][\d,]+\.\d\d\)$", reason) for reasons in said for reason in reasons)


def test_contributions_add_up_to_the_forecast_and_the_level_carries_it(clv_examples):
    fitted = clv.train(clv_examples, QUICK)
    parts, said = fitted.model.contributions(clv_examples), clv.predict(fitted, clv_examples)["expected_revenue"]
    assert_allclose(parts.sum(axis=1).clip(lower=0), said, atol=1e-6)
    assert parts["average"].nunique() == 1
    drivers = clv.drivers(fitted, clv_examples)
    first = drivers.iloc[0]
    assert (first["driver"], first["direction"]) == (in_words(clv.LEVEL), "raises")
    assert first["share"] > 0.5


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e308, np.nan])
def test_what_somebody_spent_must_be_a_number(clv_examples, value):
    spoiled = clv_examples.assign(revenue=np.where(np.arange(len(clv_examples)) < 2, value, clv_examples["revenue"]))
    with pytest.raises(UnusableLabel, match=f"'revenue' .* in 2 of {len(spoiled):,} rows"):
        clv.train(spoiled, QUICK)
    fitted = clv.train(clv_examples, QUICK)
    with pytest.raises(UnusableLabel):
        clv.evaluate(fitted, spoiled, QUICK)


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e308, np.nan])
@pytest.mark.parametrize("feature", clv.NUMERIC)
def test_a_feature_beyond_all_bounds_counts_as_missing(clv_examples, feature, value):
    fitted = clv.train(clv_examples, QUICK)
    row, missing = (clv_examples.head(1).assign(**{feature: x}) for x in (value, np.nan))
    assert clv.predict(fitted, row).equals(clv.predict(fitted, missing))


def test_great_spenders_beyond_all_examples_are_expected_to_spend_more(clv_examples):
    fitted = clv.train(clv_examples, QUICK)
    money = [clv.LEVEL, *clv.SPENT_PER_DAY]
    greatest = clv_examples.loc[[clv_examples[clv.LEVEL].idxmax()]]
    greater = greatest.assign(**{name: 3 * greatest[name] for name in money})
    ours, beyond = (clv.predict(fitted, frame)["expected_revenue"].item() for frame in (greatest, greater))
    assert beyond > 2 * ours


def test_attributes_are_features(clv_examples):
    fitted = clv.train(clv_examples, replace(QUICK, rounds=60))
    assert fitted.features == (*clv.NUMERIC, *clv.STATIC, "attr_card")
    gold = clv.predict(fitted, clv_examples.assign(attr_card="gold"))["expected_revenue"]
    none = clv.predict(fitted, clv_examples.assign(attr_card="none"))["expected_revenue"]
    assert gold.mean() > 1.2 * none.mean()


def test_neither_the_label_nor_a_time_is_a_feature(clv_examples):
    assert {"revenue", "label_ends_at", "snapshot_at"}.isdisjoint(clv.train(clv_examples, QUICK).features)


def test_the_interval_holds_the_share_it_promises_on_later_time(clv_examples):
    last = clv_examples["snapshot_at"] == clv_examples["snapshot_at"].max()
    widths = []
    for coverage in (0.5, 0.8, 0.95):
        params = replace(QUICK, coverage=coverage, interval_rounds=60)
        metrics = clv.evaluate(clv.train(clv_examples[~last], params), clv_examples[last], params)
        assert metrics["coverage"].value == pytest.approx(coverage, abs=0.08)
        widths.append(metrics["interval_width"].value)
    assert widths == sorted(widths)


def test_quantiles_that_learned_too_little_are_corrected(clv_examples):
    """One tree says nearly the same of everyone; the correction alone widens the interval to what it promises."""
    last = clv_examples["snapshot_at"] == clv_examples["snapshot_at"].max()
    params = replace(QUICK, interval_rounds=1, learning_rate=0.001)
    fitted = clv.train(clv_examples[~last], params)
    assert clv.evaluate(fitted, clv_examples[last], params)["coverage"].value == pytest.approx(0.8, abs=0.08)
    uncorrected = replace(fitted, model=replace(fitted.model, correction=0.0))
    assert fitted.model.correction != 0
    assert clv.predict(uncorrected, clv_examples)["high"].mean() != clv.predict(fitted, clv_examples)["high"].mean()


def test_the_interval_is_corrected_on_the_last_snapshot_for_it_is_nearest_to_what_comes(clv_examples):
    def correction(erratic: pd.Timestamp) -> float:
        noise = np.random.default_rng(5).lognormal(0, 1.5, len(clv_examples))
        revenue = clv_examples["revenue"].where(clv_examples["snapshot_at"] != erratic, clv_examples["revenue"] * noise)
        return clv.train(clv_examples.assign(revenue=revenue), QUICK).model.correction

    snapshots = clv_examples["snapshot_at"]
    assert correction(snapshots.max()) > correction(snapshots.min()) + 0.1


# ── windows ───────────────────────────────────────────────────────────────────────────────────


def test_earlier_windows_end_labels_included_before_the_reported_one_begins():
    windows = clv.windows(pd.Timestamp("2018-01-02"), Params())
    assert [(f"{w.origin:%m-%d}", f"{w.end:%m-%d}") for w in windows] == [
        ("05-18", "06-01"),
        ("06-01", "06-15"),
        ("06-15", "06-29"),  # labels of 06-29 end on 09-27
        ("09-27", "10-04"),  # labels of 10-04 end on 01-02
    ]


@pytest.mark.parametrize(
    ("min_history_days", "learned"),
    [
        (28, ["2017-01-30", "2017-02-27", "2017-03-27"]),
        (29, ["2017-01-30", "2017-02-27", "2017-03-27"]),  # the first order is a day before the first snapshot
        (30, ["2017-02-27", "2017-03-27"]),
    ],
)
def test_snapshots_with_little_before_them_are_not_learned_from(min_history_days, learned):
    params = Params(min_history_days=min_history_days)
    past, _ = clv.split(weekly_examples(40), Window(pd.Timestamp("2017-06-26"), pd.Timestamp("2017-07-03")), params)
    assert past["snapshot_at"].dt.strftime("%Y-%m-%d").tolist() == learned


def test_every_snapshot_of_the_window_is_evaluated_on_its_ends_included():
    window = Window(pd.Timestamp("2017-06-26"), pd.Timestamp("2017-07-10"))
    _, later = clv.split(weekly_examples(40), window, Params())
    assert later["snapshot_at"].dt.strftime("%m-%d").tolist() == ["06-26", "07-03", "07-10"]


# ── evidence ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def measured(clv_examples):
    later = clv_examples[clv_examples["snapshot_at"] == clv_examples["snapshot_at"].max()]
    return later, clv.evaluate(clv.train(clv_examples.drop(later.index), QUICK), later, QUICK)


def test_metrics_stand_beside_both_baselines_with_intervals(measured):
    _, metrics = measured
    assert set(metrics) == METRICS
    for name in METRICS - {"rows"}:
        assert metrics[name].low < metrics[name].value < metrics[name].high, name
    assert metrics["r2"].value > metrics["baseline_r2"].value > metrics["purchases_r2"].value
    gain = 1 - metrics["mae"].value / metrics["baseline_mae"].value
    assert metrics["mae_gain_over_last_period"].value == pytest.approx(gain)
    assert metrics["rows"].value == 300


def test_the_baseline_is_the_last_90_days_at_their_pace(measured):
    later, metrics = measured
    repeated = later["amount_90d"] * 56 / 90
    assert metrics["baseline_mae"].value == pytest.approx((later["revenue"] - repeated).abs().mean())
    unexplained = ((later["revenue"] - repeated) ** 2).sum()
    spread = ((later["revenue"] - later["revenue"].mean()) ** 2).sum()
    assert metrics["baseline_r2"].value == pytest.approx(1 - unexplained / spread)


def test_rehearsing_tells_the_loss_after_each_round(clv_examples):
    rehearsal = clv.rehearse(clv_examples.iloc[:1200], clv_examples.iloc[1200:], QUICK)
    assert list(rehearsal.evidence.index) == list(range(1, 21))
    assert rehearsal.evidence[20] < rehearsal.evidence[1]
    assert set(rehearsal.metrics) == METRICS


# ── what is refused ───────────────────────────────────────────────────────────────────────────


def test_the_fewest_examples_with_spend_that_one_can_learn_from(clv_examples):
    spenders = int((clv_examples["revenue"] > 0).sum())
    assert clv.train(clv_examples, replace(QUICK, min_spenders=spenders)).notes["rows"] == 1500
    with pytest.raises(TooLittleHistory, match=f"{spenders} with spend among 1500 examples"):
        clv.train(clv_examples, replace(QUICK, min_spenders=spenders + 1))


def test_too_few_customers_cannot_correct_an_interval(clv_examples):
    with pytest.raises(TooLittleHistory, match="customers to correct the interval on"):
        clv.train(clv_examples, replace(QUICK, calibration_share=0.001))


def test_spend_that_never_differs_cannot_be_evaluated_on(clv_examples):
    fitted = clv.train(clv_examples, QUICK)
    with pytest.raises(TooLittleHistory, match="no difference in spend"):
        clv.evaluate(fitted, clv_examples.assign(revenue=5.0), QUICK)


def test_customers_who_all_spend_alike_are_learned_from(clv_examples):
    alike = clv_examples.assign(revenue=5.0, **{clv.LEVEL: 1.0})
    assert clv.predict(clv.train(alike, QUICK), alike)["expected_revenue"].tolist() == pytest.approx([5.0] * 1500)


@pytest.mark.parametrize("disguise", [lambda y: y, lambda y: -2 * y + 1, np.log1p])
def test_an_attribute_that_is_the_label_in_disguise_is_refused_by_name(clv_examples, disguise):
    with pytest.raises(DisguisedLabel, match="attr_sum"):
        clv.train(clv_examples.assign(attr_sum=disguise(clv_examples["revenue"])), QUICK)
