from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models import churn
from models.backtest import Window
from models.churn import ChurnModel, Params
from models.encoding import Encoder
from models.errors import DisguisedLabel, TooLittleHistory
from models.fitted import Fitted

QUICK = Params(rounds=20, learning_rate=0.1, min_rows_in_leaf=20, resamples=20)
MONDAY = pd.Timestamp("2017-01-02")


class Says:
    """A booster that says the probability in the only feature."""

    def predict(self, matrix):
        return matrix[:, 0]


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
    model = ChurnModel(Encoder(("p",), {}), Says(), None, medium_risk=0.1, high_risk=0.4)
    predicted = churn.predict(Fitted(model, ("p",), pd.DataFrame()), pd.DataFrame({"p": [probability]}))
    assert predicted.to_dict("records") == [{"churn_probability": probability, "risk_band": band}]


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
        *("auc", "pr_auc", "top_decile_lift", "log_loss", "brier", "churn_rate", "rows"),
        *("gain_over_recency", "gain_over_baseline", "baseline_auc", "recency_auc"),
    }
    for name in ("auc", "gain_over_recency"):
        assert metrics[name].low < metrics[name].value < metrics[name].high
    assert metrics["gain_over_recency"].value == pytest.approx(metrics["auc"].value - metrics["recency_auc"].value)
    assert metrics["auc"].value > metrics["recency_auc"].value > 0.7
    assert metrics["churn_rate"].value == pytest.approx(later["churned"].mean())
    assert metrics["rows"].value == 200


def test_the_fewest_churned_one_can_learn_from(churn_examples):
    churned = int(churn_examples["churned"].sum())
    assert churn.train(churn_examples, replace(QUICK, min_churned=churned)).notes["churned"] == churned
    with pytest.raises(TooLittleHistory, match=f"{churned} churned among 800 examples to learn from"):
        churn.train(churn_examples, replace(QUICK, min_churned=churned + 1))


@pytest.mark.parametrize("churned", [True, False])
def test_one_outcome_alone_cannot_be_evaluated_on(churn_examples, churned):
    fitted = churn.train(churn_examples, QUICK)
    with pytest.raises(TooLittleHistory, match="to evaluate on"):
        churn.evaluate(fitted, churn_examples[churn_examples["churned"] == churned], QUICK)


def test_rehearsing_tells_the_loss_after_each_round(churn_examples):
    rehearsal = churn.rehearse(churn_examples.iloc[:600], churn_examples.iloc[600:], QUICK)
    assert list(rehearsal.losses.index) == list(range(1, 21))
    assert rehearsal.losses[20] < rehearsal.losses[1]
    assert rehearsal.losses[20] == pytest.approx(rehearsal.metrics["log_loss"].value)


def test_another_seed_grows_other_trees(churn_examples):
    one, other = (churn.predict(churn.train(churn_examples, replace(QUICK, seed=s)), churn_examples) for s in (1, 2))
    assert not one["churn_probability"].equals(other["churn_probability"])


def test_an_attribute_that_is_the_label_in_disguise_is_refused_by_name(churn_examples):
    reason = np.where(churn_examples["churned"], "closed the account", None)
    with pytest.raises(DisguisedLabel, match="attr_reason"):
        churn.train(churn_examples.assign(attr_reason=reason), QUICK)
