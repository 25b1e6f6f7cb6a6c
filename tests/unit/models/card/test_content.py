"""What goes into a card, and what must not."""

import json
from dataclasses import asdict

import pandas as pd
import pytest

from models import catalog
from models.card.content import Driver, Rows, fingerprint
from models.card.segments import elbow, segment_table
from models.card.words import WORDS
from tests.unit.models.card.conftest import attributes_of, card_of


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
