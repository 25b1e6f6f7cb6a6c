"""Small worlds for the models to learn from: deterministic, in the shape of the contracts, with a signal to find.

A model of the catalogue finds its examples in ``SAMPLES`` by its name; adding a model means adding one there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from models import catalog, churn, clv, ctr, segmentation
from models.backtest import Window
from models.catalog import Entry
from models.fitted import Fitted

FIRST_MONDAY = pd.Timestamp("2017-01-02")
WEEK = pd.Timedelta(days=7)


@dataclass(frozen=True)
class Sample:
    """A model of the catalogue with examples, and parameters that keep training quick.

    ``happened`` is the column that says what time a row speaks of, ``known`` the one that says by when all of
    it was known; ``predicted`` are the columns of a prediction.
    """

    name: str
    frame: pd.DataFrame
    as_of: pd.Timestamp
    params: Any
    happened: str
    known: str
    predicted: tuple[str, ...]

    @property
    def entry(self) -> Entry:
        return catalog.MODELS[self.name]

    @property
    def model(self) -> Any:
        return self.entry.model

    @property
    def windows(self) -> list[Window]:
        return self.model.windows(self.as_of, self.params)

    def split(self, window: Window) -> tuple[pd.DataFrame, pd.DataFrame]:
        return self.model.split(self.frame, window, self.params)

    def predict(self, fitted: Fitted, frame: pd.DataFrame) -> pd.DataFrame:
        return self.model.predict(fitted, frame)


def _all_impressions(count: int = 24_000, weeks: int = 24) -> pd.DataFrame:
    """Every impression there was, about one in fifteen clicked; affinity and channel decide."""
    rng = np.random.default_rng(7)
    shown_at = FIRST_MONDAY + pd.to_timedelta(np.sort(rng.integers(0, weeks * 7 * 24, count)), unit="h")
    channel = rng.choice(["display", "mailer"], count)
    affinity = rng.exponential(1.0, count)
    log_odds = -4.2 + 1.0 * affinity + 0.8 * (channel == "mailer")
    frame = pd.DataFrame(
        {
            "impression_id": [f"i{i:05d}" for i in range(count)],
            "pseudonym": pd.Series(rng.integers(0, 300, count)).map("p{:03d}".format),
            "shown_at": shown_at,
            "snapshot_at": FIRST_MONDAY + (shown_at - FIRST_MONDAY) // WEEK * WEEK,
            "label_known_at": shown_at + pd.Timedelta(days=3),
            "clicked": rng.random(count) < 1 / (1 + np.exp(-log_odds)),
            "sampling_weight": 1.0,
            "channel": channel,
            "placement": rng.choice(["top", "back", None], count),
            "department": rng.choice(["grocery", "produce", "meat"], count),
        }
    )
    for name in ctr.NUMERIC:
        frame[name] = np.where(rng.random(count) < 0.1, np.nan, rng.exponential(10, count).round(1))
    club = np.random.default_rng(11).choice(["gold", "none", None], count)
    return frame.assign(customer_product_affinity=affinity.round(3), customer_attr_club=club)


def _keep_one_in(frame: pd.DataFrame, n: int) -> pd.DataFrame:
    """All clicked impressions and one in ``n`` of the others, each of which then stands for ``n``."""
    kept = frame[frame["clicked"] | (np.random.default_rng(8).random(len(frame)) < 1 / n)]
    return kept.assign(sampling_weight=np.where(kept["clicked"], 1.0, float(n)))


def _customer_snapshots(customers: int, snapshots: int) -> pd.DataFrame:
    """Customers with lasting habits, seen on the 7-day grid; who orders often also spends much."""
    rng = np.random.default_rng(9)
    count = customers * snapshots
    habit = np.tile(rng.lognormal(0, 0.8, customers), snapshots)
    orders_84d = rng.poisson(6 * habit)
    orders_56d = rng.binomial(orders_84d, 2 / 3)
    orders_28d = rng.binomial(orders_56d, 1 / 2)
    basket = rng.uniform(10, 40, count)
    gap = np.where(orders_84d > 1, 84 / np.maximum(orders_84d, 1), np.nan)
    days_since = rng.exponential(20 / habit).clip(0, 84).round(2)
    static = {
        "region": np.array(["north", "south", "east", None], dtype=object),
        "age_band": np.array(["19-24", "25-34", None], dtype=object),
        "gender": np.array(["f", "m"], dtype=object),
        "income_band": np.array(["35-49K", "50-74K"], dtype=object),
        "household_size": np.array(["1", "2", "5+"], dtype=object),
    }
    return pd.DataFrame(
        {
            "pseudonym": [f"p{i:03d}" for i in range(customers)] * snapshots,
            "snapshot_at": np.repeat(pd.date_range(FIRST_MONDAY, periods=snapshots, freq="7D"), customers),
            "days_since_last_order": days_since,
            "tenure_days": np.tile(rng.integers(90, 700, customers), snapshots).astype(float),
            "orders_total": orders_84d + 1,
            "amount_total": (basket * (orders_84d + 1)).round(2),
            "orders_14d": rng.binomial(orders_28d, 1 / 2),
            "orders_28d": orders_28d,
            "orders_56d": orders_56d,
            "orders_84d": orders_84d,
            "order_weeks_84d": orders_84d.clip(0, 12),
            "amount_28d": (basket * orders_28d).round(2),
            "amount_56d": (basket * orders_56d).round(2),
            "amount_84d": (basket * orders_84d).round(2),
            "amount_90d": (basket * orders_84d * 90 / 84).round(2),
            "amount_per_day_30d": (basket * orders_28d / 28).round(4),
            "amount_per_day_60d": (basket * orders_56d / 56).round(4),
            "amount_per_day_180d": (basket * orders_84d / 84).round(4),
            "lines_56d": 3 * orders_56d,
            "discount_84d_ratio": np.where(orders_84d > 0, rng.random(count).round(3), np.nan),
            "repeat_orders": orders_84d,
            "first_to_last_order_days": np.where(orders_84d > 0, 84 - days_since, 0.0),
            "repeat_order_amount_mean": np.where(orders_84d > 0, basket.round(2), np.nan),
            "order_gap_mean_days": gap,
            "recency_to_gap_ratio": days_since / gap,
            "orders_28d_to_56d_ratio": np.where(orders_56d > 0, orders_28d / np.maximum(orders_56d, 1), np.nan),
            "orders_56d_to_84d_ratio": np.where(orders_84d > 0, orders_56d / np.maximum(orders_84d, 1), np.nan),
            "order_gap_median_days": gap,
            "order_gap_p90_days": 2 * gap,
            "order_gap_sd_days": gap,
            "order_gap_last_days": gap,
            "recency_to_gap_p90_ratio": days_since / gap / 2,
            "recency_beyond_gap_sds": days_since / gap - 1,
            "click_ratio": np.nan,
            "days_to_expiry": np.where(np.arange(count) % 10 == 0, 20.0, np.nan),
            **{name: np.tile(rng.choice(values, customers), snapshots) for name, values in static.items()},
        }
    )


def _labelled_snapshots(customers: int, snapshots: int) -> pd.DataFrame:
    """Active customers: who has not ordered for long, and whoever has no card, is likelier to stay away."""
    rng = np.random.default_rng(10)
    frame = _customer_snapshots(customers, snapshots)
    card = np.tile(rng.choice(["gold", "none"], customers), snapshots)
    log_odds = -3.5 + frame["days_since_last_order"] / 15 + 1.5 * (card == "none")
    churned = rng.random(len(frame)) < 1 / (1 + np.exp(-log_odds))
    next_order_days = np.minimum(rng.weibull(0.9, len(frame)) * frame["order_gap_mean_days"].fillna(30), 55)
    labelled = frame.assign(
        attr_card=card,
        label_ends_at=frame["snapshot_at"] + pd.Timedelta(days=56),
        churned=churned,
        next_order_days=next_order_days.where(~churned),
    )
    return labelled[labelled["days_since_last_order"] <= 56].reset_index(drop=True)


def _spending_snapshots(customers: int, snapshots: int) -> pd.DataFrame:
    """Customers go on at the pace of the last 84 days, within a third or so; without a card, at two thirds of it."""
    rng = np.random.default_rng(12)
    frame = _customer_snapshots(customers, snapshots)
    card = np.tile(rng.choice(["gold", "none"], customers), snapshots)
    pace = frame["amount_84d"] * np.where(card == "gold", 1.0, 2 / 3)
    return frame.assign(
        attr_card=card,
        label_ends_at=frame["snapshot_at"] + pd.Timedelta(days=56),
        revenue=(pace * 56 / 84 * rng.lognormal(0, 0.3, len(frame))).round(2),
    )


def _in_shape(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    return catalog.MODELS[name].contract.validate(frame)


def _ctr() -> Sample:
    return Sample(
        name="ctr",
        frame=_in_shape("ctr", _keep_one_in(_all_impressions(), 4)),
        as_of=FIRST_MONDAY + 24 * WEEK,
        params=ctr.Params(
            train_days=84,
            earlier_windows=2,
            rounds=15,
            leaves=7,
            min_rows_in_leaf=30,
            min_positives=50,
            reference_rows=100,
            resamples=10,
        ),
        happened="shown_at",
        known="label_known_at",
        predicted=("click_probability",),
    )


def _churn() -> Sample:
    return Sample(
        name="churn",
        frame=_in_shape("churn", _labelled_snapshots(customers=150, snapshots=36)),
        as_of=FIRST_MONDAY + 43 * WEEK,
        params=churn.Params(earlier_windows=2, rounds=15, min_rows_in_leaf=20, reference_rows=100, resamples=10),
        happened="snapshot_at",
        known="label_ends_at",
        predicted=("churn_probability", "risk_band", "median_days_to_order", "contact_day"),
    )


def _clv() -> Sample:
    return Sample(
        name="clv",
        frame=_in_shape("clv", _spending_snapshots(customers=150, snapshots=36)),
        as_of=FIRST_MONDAY + 43 * WEEK,
        params=clv.Params(
            horizon_days=56,
            earlier_windows=2,
            rounds=15,
            interval_rounds=15,
            learning_rate=0.1,
            min_rows_in_leaf=20,
            reference_rows=100,
            resamples=10,
        ),
        happened="snapshot_at",
        known="label_ends_at",
        predicted=("expected_revenue", "low", "high"),
    )


def _segmentation() -> Sample:
    return Sample(
        name="segmentation",
        frame=_in_shape("segmentation", _customer_snapshots(customers=150, snapshots=22)),
        as_of=FIRST_MONDAY + 21 * WEEK,
        params=segmentation.Params(earlier_windows=2, max_clusters=5, reference_rows=100),
        happened="snapshot_at",
        known="snapshot_at",
        predicted=("segment_id", "segment", "recency_score", "frequency_score", "monetary_score"),
    )


SAMPLES: dict[str, Callable[[], Sample]] = {
    "ctr": _ctr,
    "churn": _churn,
    "clv": _clv,
    "segmentation": _segmentation,
}


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Small frames are learned from faster by one thread, above all where others are busy."""
    with threadpool_limits(1):
        yield


# The frames are shared by all tests of the session: copy before changing.


@pytest.fixture(scope="session", params=list(catalog.MODELS))
def sample(request: pytest.FixtureRequest) -> Sample:
    """Each model of the catalogue in turn."""
    if request.param not in SAMPLES:
        pytest.fail(f"no examples for the model '{request.param}': add a builder to SAMPLES in the conftest beside")
    return SAMPLES[request.param]()


@pytest.fixture(scope="session")
def fitted(sample: Sample) -> Fitted:
    """The model of the sample, trained before the reported window."""
    past, _ = sample.split(sample.windows[-1])
    return sample.model.train(past, sample.params)


@pytest.fixture(scope="session")
def all_impressions() -> pd.DataFrame:
    return _in_shape("ctr", _all_impressions())


@pytest.fixture(scope="session")
def keep_one_in() -> Callable[[pd.DataFrame, int], pd.DataFrame]:
    return _keep_one_in


@pytest.fixture(scope="session")
def churn_examples() -> pd.DataFrame:
    return _in_shape("churn", _labelled_snapshots(customers=200, snapshots=4))


@pytest.fixture(scope="session")
def clv_examples() -> pd.DataFrame:
    return _in_shape("clv", _spending_snapshots(customers=300, snapshots=5))


@pytest.fixture(scope="session")
def customers() -> pd.DataFrame:
    """One snapshot."""
    return _in_shape("segmentation", _customer_snapshots(customers=200, snapshots=1))
