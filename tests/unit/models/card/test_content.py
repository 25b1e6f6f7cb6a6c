"""What goes into a card, and what must not."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from models import catalog
from models.card.content import Driver, Rows, fingerprint
from models.card.page import render
from models.card.resampling import RESAMPLES, SEED
from models.card.segments import elbow, segment_table
from models.card.words import WORDS
from models.metrics import Metric, lift_at_top, with_intervals
from tests.unit.models.card.conftest import AT, attributes_of, card_of, outcomes_of


@pytest.mark.parametrize("name", catalog.MODELS)
def test_every_model_of_the_catalogue_has_words(name):
    words = WORDS[name]
    assert words.what.count(". ") == 1, "two sentences"
    assert all((words.intended, words.not_intended, words.limits))


def test_a_card_says_who_was_in_it(fair):
    card = card_of(fair.drop(columns="region"), attributes_of(fair), outcomes=fair.drop(columns="region"))
    assert card.evaluated_on == Rows(4_000, 4_000, "2017-09-04", "2017-09-04", pytest.approx(fair["actual"].mean()))
    assert card.ratio.value == pytest.approx(fair["predicted"].sum() / fair["actual"].sum())
    assert (len(card.bins), card.is_amount, card.overall) == (10, False, pytest.approx(0.71, abs=0.03))


def test_the_headline_stands_beside_its_baseline_and_earlier_windows(fair):
    headline, loss = card_of(fair, attributes_of(fair)).metrics
    assert (headline.name, headline.metric.value, headline.baseline.value) == ("auc", 0.8, 0.7)
    assert headline.earlier == {"2017-08-07": 0.79}
    assert (loss.name, loss.metric.value, loss.baseline.value, loss.earlier) == ("log_loss", 0.4, 0.5, {})


def test_a_model_that_gives_nothing_more_has_a_card_of_what_there_is(fair):
    card = card_of(fair, attributes_of(fair))
    assert (card.bins, card.gain, card.slices, card.drivers, card.segments) == ((), None, (), (), ())


def test_drivers_are_shown_strongest_first(fair):
    drivers = pd.DataFrame({"driver": ["age", "visits"], "share": [0.2, 0.8], "direction": ["lowers", "raises"]})
    card = card_of(fair, attributes_of(fair), drivers=drivers)
    assert card.drivers == (Driver("visits", 0.8, "raises"), Driver("age", 0.2, "lowers"))


def test_drivers_of_nearly_no_share_are_left_out(fair):
    drivers = pd.DataFrame({"driver": ["visits", "age"], "share": [0.9951, 0.0049], "direction": "raises"})
    assert [d.driver for d in card_of(fair, attributes_of(fair), drivers=drivers).drivers] == ["visits"]


def test_one_figure_has_one_interval(fair):
    """What the model reports as a metric is what the card shows of the same figure."""
    plain = fair.drop(columns="region")
    own = card_of(plain, attributes_of(fair), outcomes=plain)
    lift, ratio = own.gain.lift["10%"].value, own.ratio.value
    reported = {"top_decile_lift": Metric(lift, 1.0, 9.0), "prediction_ratio": Metric(ratio, 0.1, 7.0)}
    card = card_of(plain, attributes_of(fair), outcomes=plain, metrics=reported)
    assert (card.gain.lift["10%"], card.ratio) == (reported["top_decile_lift"], reported["prediction_ratio"])
    other = card_of(plain, attributes_of(fair), outcomes=plain, metrics={"bias_ratio": Metric(ratio + 0.1, 0.1, 7.0)})
    assert other.ratio == own.ratio, "another figure"


def test_lifts_have_the_intervals_of_the_metric_of_the_same_resamples(fair):
    plain = fair.drop(columns="region").assign(pseudonym=np.repeat(fair["pseudonym"].to_numpy()[:2_000], 2))
    card = card_of(plain, attributes_of(plain), outcomes=plain)
    figures = {"lift": lift_at_top(plain["actual"], plain["predicted"])}
    metric = with_intervals(figures, plain["pseudonym"], plain["weight"].to_numpy(), RESAMPLES, SEED)["lift"]
    lift = card.gain.lift["10%"]
    assert (lift.value, lift.low, lift.high) == pytest.approx((metric.value, metric.low, metric.high))


def test_snapshots_end_before_what_came_of_them_does(fair):
    ends = AT + pd.Timedelta(days=90)
    card = card_of(fair.assign(label_ends_at=ends), attributes_of(fair))
    assert (card.evaluated_until, card.outcomes_until) == ("2017-09-04", "2017-12-03")
    without = card_of(fair, attributes_of(fair))
    assert without.outcomes_until == "2017-10-30", "the end of the window"


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_a_row_that_is_no_number_is_left_out_and_counted(fair, value):
    plain = fair.drop(columns="region")
    broken = plain.assign(predicted=plain["predicted"].where(plain.index != 7, value))
    card = card_of(plain, attributes_of(fair), outcomes=broken)
    assert (card.left_out, sum(b.rows for b in card.bins)) == (1, 3_999)
    assert "1 rows whose prediction or outcome is no finite number" in render(card)


def test_amounts_that_come_to_nothing_have_a_card():
    """Everything was given back: there is no share of it to find, and nothing to divide by."""
    spend = np.tile([10.0, -10.0], 100)
    frame = outcomes_of(np.linspace(1, 20, 200), spend, low=0.0, high=30.0)
    card = card_of(frame, attributes_of(frame, gender="f"), outcomes=frame)
    assert (card.ratio, card.gain, card.judged) == (None, None, ())
    assert "came to nothing" in render(card)


def test_no_pseudonym_is_in_a_card(fair):
    plain = fair.drop(columns="region")
    text = json.dumps(asdict(card_of(plain, attributes_of(fair, region="north"), outcomes=plain)))
    assert '"north"' in text
    assert not any(pseudonym in text for pseudonym in fair["pseudonym"])


def test_one_changed_value_changes_the_fingerprint(fair):
    assert fingerprint(fair) == fingerprint(fair.copy())
    changed = fair.copy()
    changed.loc[17, "weight"] = 2.0
    assert len({fingerprint(fair), fingerprint(changed), fingerprint(fair.rename(columns={"weight": "w"}))}) == 3


def test_segments_are_told_by_their_means_the_largest_first():
    members = pd.DataFrame(
        {"segment": ["good"] * 30 + ["rare"] * 19 + ["best"] * 20, "amount_84d": [1.0] * 29 + [31.0] + [5.0] * 39}
    )
    table = {s.name: s for s in segment_table(members)}
    assert list(table) == ["good", "best", "rare"]
    assert (table["good"].customers, table["good"].means) == (30, {"amount_84d": 2.0})
    assert table["best"].share == pytest.approx(20 / 69)
    assert table["rare"].means == {}, "the mean of nineteen customers says too much of them"


def test_segments_bring_their_strategy():
    members = pd.DataFrame({"segment": ["a"] * 20, "amount": 1.0, "strategy": "keep"})
    assert [(s.name, s.strategy, s.means) for s in segment_table(members)] == [("a", "keep", {"amount": 1.0})]


@pytest.mark.parametrize("k", [2, "2"], ids=["as trained", "as read from JSON"])
def test_the_elbow_comes_from_the_notes(k):
    found = elbow({"clusters": 3, "inertia": {k: 9.0, "3": 4.0}, "silhouette": {k: 0.4, "3": 0.5}})
    assert (found.clusters, found.inertia, found.silhouette, found.chosen) == ((2, 3), (9.0, 4.0), (0.4, 0.5), 3)
    assert elbow({"rounds": 3, "clusters": 3}) is None
