from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from models import ctr
from models.backtest import Window
from models.calibration import Repair
from models.ctr import Params
from models.encoding import Encoder
from models.errors import DisguisedLabel, TooLittleHistory
from models.fitted import Fitted
from models.metrics import at_once
from models.propensity import Propensity

QUICK = Params(rounds=20, leaves=7, min_rows_in_leaf=30, min_positives=50, resamples=20)


class Says:
    """A booster or regression that says the log-odds in the only feature."""

    def predict(self, matrix, raw_score):
        assert raw_score
        return matrix[:, 0]

    def log_odds(self, matrix):
        return matrix[:, 0]


def saying_log_odds(offset: float = 0.0) -> Fitted:
    model = Propensity(Encoder(("log_odds",), {}), Says(), Says(), 0.5, offset, offset, 0.0, Repair())
    return Fitted(model, ("log_odds",), pd.DataFrame())


@pytest.mark.parametrize("n", [1, 4, 10])
def test_probabilities_learned_from_a_sample_are_those_of_the_unsampled_world(all_impressions, keep_one_in, n):
    learned, held_out = all_impressions.iloc[::2], all_impressions.iloc[1::2]
    fitted = ctr.train(keep_one_in(learned, n), QUICK)
    predicted = ctr.predict(fitted, held_out)["click_probability"].mean()
    assert predicted == pytest.approx(held_out["clicked"].mean(), rel=0.15)


def test_the_sampled_rate_itself_is_far_from_the_true_one(all_impressions, keep_one_in):
    assert keep_one_in(all_impressions, 10)["clicked"].mean() > 4 * all_impressions["clicked"].mean()


def test_log_odds_move_by_the_sampling_rate(all_impressions, keep_one_in):
    fitted = ctr.train(keep_one_in(all_impressions, 4), QUICK)
    assert fitted.model.boosted_offset == pytest.approx(-np.log(4))


@pytest.mark.parametrize(
    ("log_odds", "offset", "probability"),
    [(0.0, 0.0, 0.5), (0.0, -np.log(4), 0.2), (np.log(4), -np.log(4), 0.5), (0.0, np.log(3), 0.75)],
)
def test_the_probability_is_the_sigmoid_of_the_moved_log_odds(log_odds, offset, probability):
    predicted = ctr.predict(saying_log_odds(offset), pd.DataFrame({"log_odds": [log_odds]}))
    assert predicted["click_probability"].tolist() == pytest.approx([probability])


def test_each_row_counts_with_its_sampling_weight():
    frame = pd.DataFrame(
        {
            "pseudonym": ["a", "b", "c"],
            "shown_at": pd.Timestamp("2017-01-02"),
            "log_odds": [0.0, 0.0, np.log(3)],  # said to be clicked: 1/2, 1/2, 3/4
            "clicked": [True, False, False],
            "sampling_weight": [1.0, 4.0, 5.0],
        }
    )
    fitted = saying_log_odds()
    probability = fitted.model.probability(frame)
    rehearsed = at_once(ctr._figures(frame, probability), frame["sampling_weight"].to_numpy())
    evaluated = ctr.evaluate(fitted, frame, QUICK)
    for metrics in (evaluated, rehearsed):
        assert metrics["click_ratio"].value == pytest.approx(1 / 10)
        assert metrics["log_loss"].value == pytest.approx((5 * np.log(2) + 5 * np.log(4)) / 10)
        assert metrics["prediction_ratio"].value == pytest.approx((5 * 0.5 + 5 * 0.75) / 1)
        assert metrics["auc"].value == pytest.approx((4 * 0.5 + 5 * 0.0) / 9)
    assert evaluated["worst_week"].value == pytest.approx(6.25 - 1)
    assert evaluated["rows"].value == 3


def test_metrics_stand_beside_the_baseline_with_intervals_where_it_matters(all_impressions, keep_one_in):
    learned, later = all_impressions.iloc[:12_000], all_impressions.iloc[12_000:]
    metrics = ctr.evaluate(ctr.train(keep_one_in(learned, 4), QUICK), keep_one_in(later, 4), QUICK)
    assert set(metrics) == {
        *(
            "auc",
            "log_loss",
            "normalised_entropy",
            "prediction_ratio",
            "click_ratio",
            "rows",
            "worst_bin",
            "worst_week",
        ),
        *("log_loss_gain", "baseline_auc", "baseline_log_loss", "baseline_normalised_entropy"),
    }
    for name in ("auc", "log_loss_gain"):
        assert metrics[name].low < metrics[name].value < metrics[name].high
    gain = metrics["baseline_log_loss"].value - metrics["log_loss"].value
    assert metrics["log_loss_gain"].value == pytest.approx(gain)
    assert metrics["baseline_auc"].value > 0.7
    assert metrics["prediction_ratio"].value == pytest.approx(1, rel=0.15)
    assert metrics["normalised_entropy"].value < 0.95
    assert metrics["worst_week"].value < metrics["worst_bin"].value < 1


def test_what_is_known_only_afterwards_is_no_feature(all_impressions):
    fitted = ctr.train(all_impressions.head(4_000), QUICK)
    afterwards = {"clicked", "sampling_weight", "shown_at", "snapshot_at", "label_known_at"}
    assert afterwards.isdisjoint(fitted.features)
    assert fitted.features == (*ctr.NUMERIC, "channel", "placement", "department", "customer_attr_club")


def test_what_the_company_further_knows_of_a_customer_counts(all_impressions):
    frame = all_impressions.head(6_000)
    club = np.where(frame["clicked"] & (np.arange(6_000) % 2 == 0), "gold", "none")
    age = np.where(frame["clicked"], 30 + np.arange(6_000) % 10, 20 + np.arange(6_000) % 50).astype(str)
    fitted = ctr.train(frame.assign(customer_attr_club=club, customer_attr_age=age), QUICK)
    assert fitted.model.encoder.numeric == (*ctr.NUMERIC, "customer_attr_age")
    told = {
        (c, a): ctr.predict(fitted, frame.assign(customer_attr_club=c, customer_attr_age=a))["click_probability"].mean()
        for c, a in [("gold", "35"), ("none", "35"), ("none", "65")]
    }
    assert told["gold", "35"] > 2 * told["none", "35"] > 4 * told["none", "65"]
    strangers = ctr.predict(fitted, frame.assign(customer_attr_club=None, customer_attr_age=None))
    assert strangers.notna().all(axis=None)


@pytest.mark.parametrize(
    ("shown_at", "label_known_at", "side"),
    [
        ("2017-04-24", "2017-04-25", None),  # older than the days learned from
        ("2017-05-01", "2017-05-02", "past"),
        ("2017-05-28", "2017-05-29", "past"),
        ("2017-05-28", "2017-05-30", None),  # shown before the origin, its outcome known after
        ("2017-05-29", "2017-05-30", "later"),
        ("2017-06-20", "2017-06-26", "later"),
        ("2017-06-20", "2017-06-27", None),
    ],
)
def test_an_impression_is_learned_from_once_its_outcome_is_known(shown_at, label_known_at, side):
    window = Window(pd.Timestamp("2017-05-29"), pd.Timestamp("2017-06-26"))
    frame = pd.DataFrame({"shown_at": [pd.Timestamp(shown_at)], "label_known_at": [pd.Timestamp(label_known_at)]})
    past, later = ctr.split(frame, window, Params(train_days=28))
    assert {"past": len(past), "later": len(later)} == {"past": side == "past", "later": side == "later"}


def test_windows_end_where_the_next_begins():
    windows = ctr.windows(pd.Timestamp("2017-07-24"), Params(evaluation_days=28, earlier_windows=2))
    assert [(f"{w.origin:%m-%d}", f"{w.end:%m-%d}") for w in windows] == [
        ("05-01", "05-29"),
        ("05-29", "06-26"),
        ("06-26", "07-24"),
    ]


def test_rehearsing_weighs_the_sample_back_as_training_does(all_impressions, keep_one_in):
    learned, later = (keep_one_in(rows, 4) for rows in (all_impressions.iloc[:12_000], all_impressions.iloc[12_000:]))
    evidence = ctr.rehearse(learned, later, QUICK).evidence
    assert evidence.weight.tolist() == later["sampling_weight"].tolist()
    said = expit(evidence.judged(QUICK).log_odds)
    assert said == pytest.approx(ctr.predict(ctr.train(learned, QUICK), later)["click_probability"].to_numpy())
    assert np.average(said, weights=evidence.weight) == pytest.approx(all_impressions["clicked"].mean(), rel=0.2)


def test_reasons_and_drivers_name_what_decides(all_impressions):
    """Affinity and channel decide, and nothing else."""
    fitted = ctr.train(all_impressions, QUICK)
    drivers = ctr.drivers(fitted, all_impressions)
    assert set(drivers["driver"][:2]) == {"channel", "how often and lately this customer orders the article"}
    assert drivers.set_index("driver")["direction"]["how often and lately this customer orders the article"] == "raises"
    keenest = all_impressions.nlargest(1, "customer_product_affinity")
    (reasons,) = ctr.explain(fitted, keenest)
    assert reasons[0].startswith("how often and lately this customer orders the article: ")


def test_the_fewest_clicks_one_can_learn_from(all_impressions):
    frame = all_impressions.head(4_000)
    clicks = int(frame["clicked"].sum())
    assert ctr.train(frame, replace(QUICK, min_positives=clicks)).notes["clicks"] == clicks
    with pytest.raises(TooLittleHistory, match=f"{clicks} positives among 4000 rows"):
        ctr.train(frame, replace(QUICK, min_positives=clicks + 1))


@pytest.mark.parametrize("clicked", [True, False])
def test_one_outcome_alone_cannot_be_evaluated_on(all_impressions, clicked):
    fitted = ctr.train(all_impressions.head(4_000), QUICK)
    one_sided = all_impressions[all_impressions["clicked"] == clicked].head(50)
    with pytest.raises(TooLittleHistory, match="to evaluate on"):
        ctr.evaluate(fitted, one_sided, QUICK)


def test_clicks_alone_cannot_be_learned_from(all_impressions):
    with pytest.raises(TooLittleHistory, match="to learn from"):
        ctr.train(all_impressions[all_impressions["clicked"]], QUICK)


def test_an_attribute_that_is_the_label_in_disguise_is_refused_by_name(all_impressions):
    frame = all_impressions
    with pytest.raises(DisguisedLabel, match="customer_attr_bought"):
        ctr.train(frame.assign(customer_attr_bought=np.where(frame["clicked"], "yes", "no")), QUICK)
