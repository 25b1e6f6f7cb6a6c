"""A group that is treated worse is flagged, and a fair one is not."""

import numpy as np
import pandas as pd
import pytest

from models.card.slices import FEW, UNKNOWN, by_chance, is_miscalibrated, score, slices, with_attributes
from models.metrics import Metric
from tests.unit.models.card.conftest import attributes_of, fair_world, outcomes_of


def found_in(outcomes, known):
    joined = with_attributes(outcomes.drop(columns="region", errors="ignore"), known)
    return {(s.attribute, s.value): s for s in slices(joined, score(joined))}


def by_region(outcomes):
    region = outcomes.drop_duplicates(["pseudonym", "snapshot_at"])["region"].to_numpy()
    return found_in(outcomes, attributes_of(outcomes, region=region))


def test_nobody_is_flagged_in_a_fair_world(fair):
    found = by_region(fair)
    assert [found["region", where].verdict for where in ("north", "south")] == ["", ""]
    north = found["region", "north"]
    assert north.ratio.low < 1 < north.ratio.high
    assert north.score.low < score(fair) < north.score.high


@pytest.mark.parametrize(("factor", "words"), [(1.5, "too much"), (0.5, "too little")])
def test_a_planted_bias_is_flagged_where_it_is(fair, factor, words):
    biased = np.where(fair["region"] == "south", fair["predicted"] * factor, fair["predicted"])
    found = by_region(fair.assign(predicted=biased))
    assert (found["region", "south"].verdict, found["region", "north"].verdict) == ("gap", "")
    assert words in found["region", "south"].reasons[0]


@pytest.mark.parametrize(
    ("low", "high", "is_off"),
    [(1.11, 1.4, True), (1.1, 1.4, False), (0.95, 1.05, False), (0.6, 0.91, False), (0.6, 0.909, True)],
)
def test_an_interval_wholly_beyond_a_factor_of_1_1_is_a_gap(low, high, is_off):
    assert is_miscalibrated(Metric((low + high) / 2, low, high)) == is_off


def test_a_group_that_is_ranked_by_chance_is_flagged(fair):
    shuffled = np.random.default_rng(2).permutation(fair["predicted"])
    blind = np.where(fair["region"] == "south", shuffled, fair["predicted"])
    found = by_region(fair.assign(predicted=blind))
    assert found["region", "south"].reasons == (
        f"ranks worse than overall ({score(fair.assign(predicted=blind)):.3f})",
    )
    assert found["region", "north"].verdict == ""


def test_with_fewer_than_twenty_positive_customers_nothing_is_said():
    actual = np.r_[np.arange(500) < 19, np.arange(500) < 20]
    frame = outcomes_of(np.linspace(0.01, 0.1, 1_000), actual, region=["few"] * 500 + ["enough"] * 500)
    found = by_region(frame)
    assert (found["region", "few"].verdict, found["region", "few"].score) == ("too few to say", None)
    assert found["region", "few"].rows == 500
    assert found["region", "enough"].score is not None


def test_twenty_positives_of_one_customer_are_one(fair):
    """Snapshots a week apart repeat what one customer did."""
    twice = pd.concat([fair.iloc[:2_000], fair.iloc[:2_000].assign(snapshot_at=pd.Timestamp("2017-09-11"))])
    happened = twice["pseudonym"].isin(twice["pseudonym"].unique()[:19])
    found = by_region(twice.assign(actual=happened.astype(float)))
    assert found["region", "north"].rows == 4_000
    assert found["region", "north"].verdict == "too few to say"


def test_values_of_fewer_than_twenty_customers_are_merged(fair):
    where = np.roll(["north"] * 3_970 + ["cape"] * 19 + ["isle"] * 11, 1_000)
    found = by_region(fair.assign(region=where))
    assert {value for attribute, value in found if attribute == "region"} == {"north", FEW}
    assert found["region", FEW].customers == 30


def test_even_merged_too_few_customers_show_no_figure(fair):
    """Rows without end of one customer make no group: their number is not shown either."""
    frame = fair.assign(region=np.where(np.arange(len(fair)) < 1_000, "isle", "north"))
    frame.loc[frame["region"] == "isle", "pseudonym"] = "p00000"
    few = by_region(frame)["region", FEW]
    assert (few.verdict, few.rows, few.customers, few.observed) == ("too few to say", 0, 0, None)


def test_who_is_unknown_is_a_group_and_what_nobody_is_known_by_is_left_out(fair):
    known = attributes_of(fair, region=fair["region"].to_numpy(), tenure_days=50.0).iloc[:2_000]
    known.loc[:9, "region"] = None
    found = found_in(fair, known)
    assert {attribute for attribute, _ in found} == {"region", "tenure"}
    assert (found["region", UNKNOWN].customers, found["tenure", UNKNOWN].customers) == (2_010, 2_000)


def test_the_same_rows_under_the_same_value_are_one_slice_and_one_gap(fair):
    """Whose region is unknown is of unknown age too: biased there, it is one gap and not two."""
    is_known = np.arange(len(fair)) % 2 == 0
    biased = fair.assign(predicted=np.where(is_known, fair["predicted"], 1.6 * fair["predicted"]))
    region, age = (np.where(is_known, value, None) for value in ("north", "35-44"))
    found = found_in(biased, attributes_of(biased, region=region, age_band=age))
    judged = [("region", "north"), ("age_band", "35-44"), ("tenure", "over 91 days"), ("region, age_band", UNKNOWN)]
    assert list(found) == judged
    assert [s.verdict for s in found.values()].count("gap") == 1 + (found["tenure", "over 91 days"].verdict == "gap")
    assert found["region, age_band", UNKNOWN].verdict == "gap"


@pytest.mark.parametrize(
    ("judged", "words"),
    [
        (5, "Chance alone would flag one of the 5 judged in up to 23% of such cards"),  # 1 − 0.95⁵
        (40, "Chance alone would flag up to 2 of the 40 judged"),  # 0.05 × 40
    ],
)
def test_what_chance_would_flag_comes_from_the_number_judged(judged, words):
    assert by_chance(judged) == words


def test_a_group_whose_spend_was_all_given_back_is_not_judged():
    """Twenty spent ten each and twenty gave ten back: nothing to divide by, and no reason to fail."""
    spend = np.r_[np.tile([10.0, -10.0], 20), np.random.default_rng(5).lognormal(3, 1, 400)]
    where = np.r_[["back"] * 40, ["north"] * 400]
    found = by_region(outcomes_of(np.abs(spend) + 1, spend, region=where, low=0.0, high=1_000.0))
    back = found["region", "back"]
    assert (back.verdict, back.is_judged, back.ratio, back.rows) == ("came to nothing", False, None, 40)
    assert found["region", "north"].is_judged


@pytest.mark.parametrize(("days", "value"), [(91.0, "new, up to 91 days"), (91.5, "over 91 days")])
def test_new_customers_are_those_of_91_days_and_below(fair, days, value):
    assert set(with_attributes(fair.drop(columns="region"), attributes_of(fair, tenure_days=days))["tenure"]) == {value}


def test_bands_stand_in_the_order_of_their_numbers(fair):
    bands = np.resize(["100-124K", "Under 15K", "15-24K", None], len(fair))
    found = found_in(fair, attributes_of(fair, income_band=bands))
    values = [value for attribute, value in found if attribute == "income_band"]
    assert values == ["Under 15K", "15-24K", "100-124K", UNKNOWN]


def test_amounts_are_judged_by_r_squared_and_mean_error():
    rng = np.random.default_rng(4)
    spend = rng.lognormal(3, 1, 2_000)
    where = rng.choice(["north", "south"], 2_000)
    said = np.where(where == "south", 1.5 * spend, spend)
    frame = outcomes_of(said, spend, region=where, low=0.0, high=said * 2)
    found = by_region(frame)
    assert found["region", "north"].score.value == pytest.approx(1)
    assert found["region", "north"].error.value == pytest.approx(0)
    assert found["region", "south"].verdict == "gap"
    south = spend[where == "south"]
    assert found["region", "south"].error.value == pytest.approx(south.mean() / 2)
    assert found["region", "south"].score.value == pytest.approx(1 - (south**2).mean() / 4 / south.var())


def test_another_seed_of_the_fair_world_is_fair_too():
    assert all(s.verdict == "" for s in by_region(fair_world(seed=6)).values())
