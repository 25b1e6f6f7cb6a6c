import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import silhouette_score

from models import segmentation
from models.backtest import Window
from models.errors import TooLittleHistory
from models.segment_axes import matrix_of, placed
from models.segmentation import Params, _elbow
from models.separation import equal_groups

SCORES = ["recency_score", "frequency_score", "monetary_score"]


def rfm(recency, frequency, monetary) -> pd.DataFrame:
    """Customers of whom nothing else is known: nobody ordered twice, so that nothing can be expected of anybody."""
    axes = pd.DataFrame({"days_since_last_order": recency, "orders_84d": frequency, "amount_84d": monetary})
    return axes.assign(repeat_orders=0, first_to_last_order_days=0.0, tenure_days=84.0, repeat_order_amount_mean=np.nan)


def scores(frame: pd.DataFrame, of: pd.DataFrame | None = None) -> list[list[int]]:
    """Of the rows themselves, or of others, after training on ten customers like each."""
    fitted = segmentation.train(pd.concat([frame] * 10), Params())
    return segmentation.predict(fitted, frame if of is None else of)[SCORES].to_numpy().tolist()


def test_five_is_best_on_every_axis():
    frame = rfm([40.0, 30.0, 20.0, 10.0, 1.0], [1, 2, 3, 4, 5], [10.0, 20.0, 30.0, 40.0, 50.0])
    assert scores(frame) == [[1, 1, 1], [2, 2, 2], [3, 3, 3], [4, 4, 4], [5, 5, 5]]


def test_an_explanation_says_where_a_customer_lies_on_every_axis():
    frame = rfm([40.0, 30.0, 20.0, 10.0, 1.0], [1, 2, 3, 4, 5], [10.0, 20.0, 30.0, 40.0, 1_234.0])
    fitted = segmentation.train(pd.concat([frame] * 10), Params())
    assert segmentation.explain(fitted, frame.tail(1)) == [
        [
            "days since the last order: 1 (5 of 5)",
            "orders in 84 days: 5 (5 of 5)",
            "money spent in 84 days: 1,234 (5 of 5)",
        ]
    ]


def test_the_axes_are_scored_apart():
    frame = rfm([1.0, 10.0, 20.0, 30.0, 40.0], [1, 2, 3, 4, 5], [30.0, 10.0, 50.0, 40.0, 20.0])
    assert scores(frame) == [[5, 1, 3], [4, 2, 1], [3, 3, 5], [2, 4, 4], [1, 5, 2]]


def test_what_is_no_finite_number_counts_as_the_median_in_training():
    frame = rfm([40.0, 30.0, 20.0, 10.0, 1.0], [1, 2, 3, 4, 5], [10.0, 20.0, 30.0, 40.0, 50.0])
    odd = rfm([np.nan, np.inf, -np.inf], [np.inf, np.nan, 5], [np.inf, -np.inf, np.nan])
    assert scores(frame, odd) == [[3, 3, 3], [3, 3, 3], [3, 5, 3]]


def test_customers_never_seen_before_get_the_scores_at_the_ends():
    frame = rfm([40.0, 30.0, 20.0, 10.0, 1.0], [1, 2, 3, 4, 5], [10.0, 20.0, 30.0, 40.0, 50.0])
    newcomers = rfm([0.0, 400.0], [99, 0], [9_999.0, 0.0])
    assert scores(frame, newcomers) == [[5, 5, 5], [1, 1, 1]]


def test_ties_get_the_same_score_and_few_distinct_values_drop_nobody():
    frame = rfm([5.0, 5.0, 5.0, 5.0, 5.0, 9.0], [1, 1, 1, 2, 2, 2], [0.0, 0.0, 0.0, 0.0, 0.0, 7.0])
    r, f, m = np.array(scores(frame)).T
    assert len(set(r[:5])) == len(set(f[:3])) == len(set(f[3:])) == len(set(m[:5])) == 1
    assert r[5] < r[0]
    assert f[3] > f[0]
    assert m[5] > m[0]
    assert {*r, *f, *m} <= {1, 2, 3, 4, 5}


def test_scores_of_many_customers_use_the_whole_range_about_equally(customers):
    predicted = segmentation.predict(segmentation.train(customers, Params()), customers)
    assert len(predicted) == len(customers)
    assert predicted["monetary_score"].value_counts().sort_index().to_dict() == {1: 40, 2: 40, 3: 40, 4: 40, 5: 40}


def test_money_given_back_counts_as_none_spent(customers):
    fitted = segmentation.train(customers, Params())
    refunded, nothing = (segmentation.predict(fitted, customers.assign(amount_84d=m)) for m in (-25.0, 0.0))
    pd.testing.assert_frame_equal(refunded, nothing)


def test_segments_carry_the_name_of_their_cluster(customers):
    fitted = segmentation.train(customers, Params())
    predicted = segmentation.predict(fitted, customers)
    assert predicted["segment"].tolist() == [fitted.model.names[i] for i in predicted["segment_id"]]
    assert predicted["segment"].value_counts().to_dict() == fitted.notes["sizes"]


@pytest.mark.filterwarnings("ignore::RuntimeWarning:kneed|numpy")  # one candidate has no curve
def test_groups_that_lie_apart_get_a_segment_each():
    rng = np.random.default_rng(1)
    best = rfm(rng.uniform(1, 3, 40), rng.integers(28, 32, 40), rng.uniform(900, 1_100, 40))
    lost = rfm(rng.uniform(70, 80, 40), rng.integers(1, 3, 40), rng.uniform(9, 11, 40))
    fitted = segmentation.train(pd.concat([best, lost], ignore_index=True), Params(max_clusters=2))
    segments = segmentation.predict(fitted, pd.concat([best, lost], ignore_index=True))["segment"]
    assert segments.tolist() == ["important value"] * 40 + ["general win-back"] * 40


@pytest.mark.parametrize(
    ("inertia", "clusters"),
    [
        ({2: 100, 3: 40, 4: 15, 5: 12, 6: 10, 7: 9, 8: 8}, 4),
        ({2: 100, 3: 20, 4: 18, 5: 16, 6: 14, 7: 12, 8: 10}, 3),
        ({2: 70, 3: 60, 4: 50, 5: 40, 6: 30}, 4),  # no elbow on a straight line: near four
        ({2: 70, 3: 60}, 3),
    ],
)
def test_the_elbow_of_the_inertia_curve(inertia, clusters):
    assert _elbow(inertia) == clusters


def test_segments_are_judged_by_what_customers_spend_later(customers):
    fitted = segmentation.train(customers, Params())
    predicted = segmentation.predict(fitted, customers)
    told = segmentation.evaluate(fitted, customers.assign(later_amount=10.0 * predicted["segment_id"]), Params())
    random = np.random.default_rng(2).random(len(customers))
    untold = segmentation.evaluate(fitted, customers.assign(later_amount=random), Params())
    assert told["eta_squared"].value == pytest.approx(1.0)
    assert untold["eta_squared"].value < 0.1
    assert told["welch_p"].value < 1e-9 < untold["welch_p"].value
    assert untold["eta_squared"].low <= untold["eta_squared"].value <= untold["eta_squared"].high
    by_spend = customers.assign(later_amount=equal_groups(customers["amount_84d"], len(fitted.model.names)) * 10.0)
    beaten = segmentation.evaluate(fitted, by_spend)
    assert beaten["baseline_eta_squared"].value == pytest.approx(1.0)
    assert beaten["gain_over_baseline"].value == pytest.approx(beaten["eta_squared"].value - 1)


def test_later_amount_is_what_the_same_customers_spent_in_the_period_after():
    frame = pd.DataFrame(
        [
            ("ada", "2017-05-01", 10.0),
            ("bob", "2017-05-01", 20.0),
            ("cyd", "2017-05-01", 30.0),
            ("ada", "2017-05-22", 11.0),  # not the end of the period
            ("cyd", "2017-05-29", 33.0),
            ("ada", "2017-05-29", 0.0),
            ("dan", "2017-05-29", 99.0),  # came later
        ],
        columns=["pseudonym", "snapshot_at", "amount_28d"],
    ).astype({"snapshot_at": "datetime64[ns]"})
    past, later = segmentation.split(frame, Window(pd.Timestamp("2017-05-01"), pd.Timestamp("2017-05-29")), Params())
    assert past["pseudonym"].tolist() == ["ada", "bob", "cyd"]
    assert later[["pseudonym", "amount_28d", "later_amount"]].to_numpy().tolist() == [["ada", 10, 0], ["cyd", 30, 33]]


@pytest.mark.parametrize("as_of", ["2017-12-18", "2017-12-20 13:00", "2017-12-24 23:59"])
def test_windows_are_periods_on_the_grid_of_snapshots(as_of):
    windows = segmentation.windows(pd.Timestamp(as_of), Params(earlier_windows=1))
    assert windows == [
        Window(pd.Timestamp("2017-10-23"), pd.Timestamp("2017-11-20")),
        Window(pd.Timestamp("2017-11-20"), pd.Timestamp("2017-12-18")),
    ]


def test_the_fewest_customers_one_can_find_segments_among(customers):
    assert segmentation.train(customers.head(50), Params(min_customers=50)).notes["sizes"]
    with pytest.raises(TooLittleHistory, match="49 customers"):
        segmentation.train(customers.head(49), Params(min_customers=50))


def test_customers_who_are_all_alike_are_too_little_history():
    with pytest.raises(TooLittleHistory):
        segmentation.train(rfm([3.0] * 60, [2] * 60, [5.0] * 60), Params())


@pytest.mark.filterwarnings("ignore::RuntimeWarning:kneed|numpy")
def test_a_segment_of_one_among_thousands_is_found():
    frame = rfm([3.0] * 5_000 + [80.0], [2] * 5_000 + [1], [5.0] * 5_000 + [900.0])
    assert sorted(segmentation.train(frame, Params()).notes["sizes"].values()) == [1, 5_000]


# ── what else the company knows ───────────────────────────────────────────────────────────────


def test_attributes_describe_segments_and_do_not_make_them(customers):
    plain = segmentation.train(customers, Params())
    told = segmentation.train(customers.assign(attr_club=["gold", "none"] * 100), Params())
    pd.testing.assert_frame_equal(segmentation.predict(plain, customers), segmentation.predict(told, customers))
    assert (plain.notes["attributes"], set(told.notes["attributes"]["attr_club"])) == (
        {},
        {"all", *told.model.names},
    )


def test_the_silhouette_is_scikit_learns_with_an_interval_around_it():
    rng = np.random.default_rng(1)
    frame = rfm(rng.exponential(20, 300), rng.poisson(5, 300), rng.exponential(100, 300))
    frame = frame.assign(pseudonym=[f"p{i}" for i in range(300)], later_amount=rng.exponential(100, 300))
    fitted = segmentation.train(frame, Params())
    found = segmentation.evaluate(fitted, frame)["silhouette"]
    scaled = fitted.model.scaler.transform(placed(fitted.model.purchases, matrix_of(frame)))
    expected = silhouette_score(scaled, segmentation.predict(fitted, frame)["segment_id"])
    assert found.value == pytest.approx(expected)
    assert found.low < expected < found.high < found.low + 0.1
