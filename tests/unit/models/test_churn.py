from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from models import churn
from models.backtest import Window
from models.churn import ChurnModel, Params
from models.errors import DisguisedLabel, TooLittleHistory
from models.explanation import in_words
from models.fitted import Fitted

QUICK = Params(rounds=20, learning_rate=0.1, min_rows_in_leaf=20, resamples=20)
MONDAY = pd.Timestamp("2017-01-02")


class Says:
    """A model that says what the column of its question's name holds; days as the survival model tells them."""

    def probability(self, frame):
        return frame["p"].to_numpy()

    def lapsed_from(self, frame, horizon_days, chance):
        assert (horizon_days, chance) == (56, 0.5)
        return frame["lapsed"].to_numpy()

    def median_days(self, frame):
        return np.full(len(frame), 9.5)


def told(frame: pd.DataFrame) -> pd.DataFrame:
    model = ChurnModel(Says(), Says(), 40, 56, 0.5, medium_risk=0.1, high_risk=0.4)
    usual = {"p": 0.2, "lapsed": 30.0, "days_to_expiry": np.nan, "days_since_last_order": 3.0}
    frame = pd.DataFrame(usual, index=frame.index).assign(**frame)
    return churn.predict(Fitted(model, ("p",), pd.DataFrame()), frame)


def weekly_examples(weeks: int) -> pd.DataFrame:
    snapshots = pd.Series(pd.date_range(MONDAY, periods=weeks, freq="7D"))
    return pd.DataFrame({"snapshot_at": snapshots, "label_ends_at": snapshots + pd.Timedelta(days=56)})


@pytest.mark.parametrize(
    ("probability", "band"),
    [
        (0.0, "low"),
        (0.0999999, "low"),
        (0.1, "medium"),
        (0.3999999, "medium"),
        (0.4, "high"),
        (1.0, "high"),
    ],
)
def test_a_risk_band_begins_at_its_boundary(probability, band):
    (said,) = told(pd.DataFrame({"p": [probability]})).to_dict("records")
    assert said == {
        "churn_probability": probability,
        "risk_band": band,
        "median_days_to_order": 9.5,
        "contact_day": 30,
    }


@pytest.mark.parametrize(
    ("lapsed", "days_to_expiry", "contact_day"),
    [
        (30.0, np.nan, 30),  # no membership, or no end to it
        (30.0, 60.0, 30),  # 15 days before the end are day 45: silence tells earlier
        (30.0, 45.0, 30),
        (30.0, 44.9, 29),  # on the day that is over 15 days before
        (30.0, 44.0, 29),
        (30.0, 15.0, 0),
        (30.0, 3.0, 0),  # too late for 15 days before: at once
        (30.0, 0.0, 0),
        (30.0, -0.1, 30),  # over: nothing is left to be earlier than
        (0.0, 60.0, 0),
        (30.0, np.inf, 30),
        (30.0, -np.inf, 30),  # no date at all
    ],
)
def test_contact_is_made_15_days_before_membership_ends_when_that_comes_first(lapsed, days_to_expiry, contact_day):
    said = told(pd.DataFrame({"lapsed": [lapsed], "days_to_expiry": [days_to_expiry]}))
    assert said["contact_day"].tolist() == [contact_day]


@pytest.mark.parametrize(
    ("days", "has_lapsed"), [(0.0, False), (40.0, False), (40.1, True), (361.0, True), (np.nan, False)]
)
def test_who_has_not_ordered_within_the_window_has_lapsed_and_is_not_scored(days, has_lapsed):
    (said,) = told(pd.DataFrame({"days_since_last_order": [days], "p": [0.9]})).to_dict("records")
    if has_lapsed:
        assert said.pop("risk_band") == "lapsed"
        assert pd.isna(list(said.values())).all()
    else:
        assert (said["risk_band"], said["churn_probability"]) == ("high", 0.9)


def test_the_reason_of_the_lapsed_is_that_they_have(churn_examples):
    fitted = churn.train(churn_examples, QUICK)
    rows = churn_examples.head(2).assign(days_since_last_order=[20.0, 90.0])
    active, lapsed = churn.explain(fitted, rows)
    assert len(active) == 3
    assert lapsed == ["no order for more than 56 days: lapsed already"]


def test_days_are_those_of_the_survival_model(churn_examples):
    fitted = churn.train(churn_examples, QUICK)
    rows = churn_examples.assign(days_to_expiry=np.nan)
    lapsed = fitted.model.survival.lapsed_from(rows, QUICK.horizon_days, QUICK.lapsed_chance)
    said = churn.predict(fitted, rows)
    assert said["contact_day"].tolist() == lapsed.tolist()
    assert said["contact_day"].between(0, QUICK.horizon_days).all()
    assert said["contact_day"].nunique() > 5
    assert said["median_days_to_order"].tolist() == fitted.model.survival.median_days(rows).tolist()


def test_risk_bands_begin_at_multiples_of_the_odds_of_the_base_rate(churn_examples):
    rate = churn_examples["churned"].mean()
    model = churn.train(churn_examples, replace(QUICK, medium_risk=1.5, high_risk=3.0)).model
    odds = [p / (1 - p) for p in (rate, model.medium_risk, model.high_risk)]
    assert odds == pytest.approx([odds[0], 1.5 * odds[0], 3.0 * odds[0]])


def test_risk_can_be_high_where_most_customers_churn(churn_examples):
    often = churn_examples.assign(churned=np.random.default_rng(1).random(len(churn_examples)) < 0.7)
    assert churn.train(often, QUICK).model.high_risk < 1


def test_attributes_are_features(churn_examples):
    fitted = churn.train(churn_examples, replace(QUICK, rounds=60))
    assert fitted.features == (*churn.NUMERIC, *churn.STATIC, "attr_card")
    gold = churn.predict(fitted, churn_examples.assign(attr_card="gold"))["churn_probability"]
    none = churn.predict(fitted, churn_examples.assign(attr_card="none"))["churn_probability"]
    assert none.mean() > 1.2 * gold.mean()


def test_without_attributes_it_learns_from_the_rest(churn_examples):
    fitted = churn.train(churn_examples.drop(columns="attr_card"), QUICK)
    assert fitted.features == (*churn.NUMERIC, *churn.STATIC)


def test_neither_the_label_nor_a_time_is_a_feature(churn_examples):
    fitted = churn.train(churn_examples, QUICK)
    assert {"churned", "label_ends_at", "snapshot_at"}.isdisjoint(fitted.features)


@pytest.mark.parametrize(
    ("train_every", "origin", "learned"),
    [
        (4, "2017-05-01", ["2017-01-09", "2017-02-06", "2017-03-06"]),
        (4, "2017-05-07", ["2017-01-09", "2017-02-06", "2017-03-06"]),  # the next label ends a day later
        (4, "2017-05-08", ["2017-01-16", "2017-02-13", "2017-03-13"]),
        (3, "2017-03-27", ["2017-01-09", "2017-01-30"]),
        (1, "2017-03-13", ["2017-01-02", "2017-01-09", "2017-01-16"]),
        (4, "2017-02-26", []),
    ],
)
def test_every_so_many_th_snapshot_is_learned_from_counted_back_from_the_latest_labelled(train_every, origin, learned):
    window = Window(pd.Timestamp(origin), pd.Timestamp("2017-06-26"))
    past, _ = churn.split(weekly_examples(weeks=26), window, Params(train_every=train_every))
    assert past["snapshot_at"].dt.strftime("%Y-%m-%d").tolist() == learned


def test_every_snapshot_of_the_window_is_evaluated_on_its_ends_included():
    window = Window(pd.Timestamp("2017-05-01"), pd.Timestamp("2017-05-22"))
    _, later = churn.split(weekly_examples(weeks=26), window, Params())
    assert later["snapshot_at"].dt.strftime("%m-%d").tolist() == ["05-01", "05-08", "05-15", "05-22"]


def test_earlier_windows_end_labels_included_before_the_reported_one_begins():
    params = Params(horizon_days=56, evaluation_days=56, earlier_windows=2, window_step_days=28)
    windows = churn.windows(pd.Timestamp("2017-12-25"), params)
    assert [(f"{w.origin:%m-%d}", f"{w.end:%m-%d}") for w in windows] == [
        ("05-15", "06-12"),
        ("06-12", "07-10"),  # labels of 07-10 end on 09-04
        ("09-04", "10-30"),  # labels of 10-30 end on 12-25
    ]


def test_metrics_stand_beside_recency_alone(churn_examples):
    later = churn_examples[churn_examples["snapshot_at"] == churn_examples["snapshot_at"].max()]
    earlier = churn_examples.drop(later.index)
    metrics = churn.evaluate(churn.train(earlier, QUICK), later, QUICK)
    assert set(metrics) == {
        *("auc", "pr_auc", "top_decile_lift", "log_loss", "brier", "base_rate_brier", "prediction_ratio"),
        *("churn_rate", "rows", "gain_over_recency", "gain_over_baseline", "baseline_auc", "recency_auc"),
        *("concordance", "cox_concordance", "survival_prediction_ratio"),
    }
    for name in ("auc", "gain_over_recency"):
        assert metrics[name].low < metrics[name].value < metrics[name].high
    assert metrics["gain_over_recency"].value == pytest.approx(metrics["auc"].value - metrics["recency_auc"].value)
    assert metrics["auc"].value > metrics["recency_auc"].value > 0.7
    assert metrics["churn_rate"].value == pytest.approx(later["churned"].mean())
    assert metrics["rows"].value == len(later)


def test_the_fewest_churned_one_can_learn_from(churn_examples):
    churned = int(churn_examples["churned"].sum())
    assert churn.train(churn_examples, replace(QUICK, min_positives=churned)).notes["churned"] == churned
    with pytest.raises(TooLittleHistory, match=f"{churned} positives among {len(churn_examples)} rows to learn from"):
        churn.train(churn_examples, replace(QUICK, min_positives=churned + 1))


@pytest.mark.parametrize("churned", [True, False])
def test_one_outcome_alone_cannot_be_evaluated_on(churn_examples, churned):
    fitted = churn.train(churn_examples, QUICK)
    with pytest.raises(TooLittleHistory, match="to evaluate on"):
        churn.evaluate(fitted, churn_examples[churn_examples["churned"] == churned], QUICK)


def test_rehearsing_tells_what_every_choice_would_have_said(churn_examples):
    past, later = churn_examples.iloc[:600], churn_examples.iloc[600:]
    evidence = churn.rehearse(past, later, QUICK).evidence
    assert list(evidence.boosted) == [10, 20]
    assert set(evidence.linear) == set(QUICK.inverse_penalties)
    assert evidence.label.tolist() == later["churned"].tolist()
    said = expit(evidence.judged(QUICK).log_odds)
    trained = churn.train(past, QUICK)
    assert said == pytest.approx(churn.predict(trained, later)["churn_probability"].to_numpy())


def test_reasons_and_drivers_name_what_decides(churn_examples):
    fitted = churn.train(churn_examples, replace(QUICK, rounds=60))
    drivers = churn.drivers(fitted, churn_examples)
    assert drivers["driver"][0] == "days since the last order"
    assert drivers["direction"][0] == "raises"
    assert "card" in set(drivers["driver"][:5])
    longest = churn_examples.nlargest(1, "days_since_last_order")
    assert churn.explain(fitted, longest)[0][0].startswith("days since the last order: 55")


def test_hazard_ratios_are_noted_in_words(churn_examples):
    """Who orders often orders sooner: above 1 is sooner."""
    ratios = churn.train(churn_examples, QUICK).notes["hazard_ratios"]
    assert set(ratios) == {in_words(name) for name in churn.COVARIATES}
    assert all(low < ratio < high for ratio, low, high in ratios.values())


def test_another_seed_grows_other_trees(churn_examples):
    one, other = (churn.predict(churn.train(churn_examples, replace(QUICK, seed=s)), churn_examples) for s in (1, 2))
    assert not one["churn_probability"].equals(other["churn_probability"])


def test_an_attribute_that_is_the_label_in_disguise_is_refused_by_name(churn_examples):
    reason = np.where(churn_examples["churned"], "closed the account", None)
    with pytest.raises(DisguisedLabel, match="attr_reason"):
        churn.train(churn_examples.assign(attr_reason=reason), QUICK)
