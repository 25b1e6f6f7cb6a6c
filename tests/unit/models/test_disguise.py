"""A feature that tells the label by itself is refused by name, in whatever disguise it comes."""

import numpy as np
import pandas as pd
import pytest

from models.disguise import refuse_disguised_amounts, refuse_disguised_labels
from models.encoding import Encoder
from models.errors import DisguisedLabel

ROWS = 2_000


@pytest.fixture
def label() -> np.ndarray:
    return np.random.default_rng(1).random(ROWS) < 0.1


def look(label: np.ndarray, column: np.ndarray, kind: str) -> None:
    frame = pd.DataFrame({"honest": np.random.default_rng(2).normal(0, 1, ROWS) + label, "suspect": column})
    numeric = ("honest", "suspect") if kind == "numeric" else ("honest",)
    encoder = Encoder.fit(frame, numeric, () if kind == "numeric" else ("suspect",))
    refuse_disguised_labels(encoder, encoder.transform(frame), label, seed=3)


DISGUISES = {
    "itself": ("numeric", lambda y, _: y.astype(float)),
    "turned round": ("numeric", lambda y, _: -y.astype(float)),
    "with a little noise": ("numeric", lambda y, r: y + r.normal(0, 0.2, ROWS)),
    "days since it happened": ("numeric", lambda y, r: np.where(y, r.exponential(9, ROWS), np.nan)),
    "filled in otherwise": ("numeric", lambda y, r: np.where(y, np.nan, r.random(ROWS))),
    "a reason": ("category", lambda y, r: np.where(y, r.choice(["price", "moved"], ROWS), None)),
    "a state among others": ("category", lambda y, r: np.where(y, "closed", r.choice(["open", "paused"], ROWS))),
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_it_is_refused_by_name(label: np.ndarray, disguise: str) -> None:
    kind, made = DISGUISES[disguise]
    with pytest.raises(DisguisedLabel, match="'suspect' alone tells the outcome") as refusal:
        look(label, made(label, np.random.default_rng(4)), kind)
    assert refusal.value.feature == "suspect"


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        ("numeric", lambda y, r: y + r.normal(0, 1, ROWS)),  # a very good feature, AUC about 0.76
        ("numeric", lambda y, r: np.full(ROWS, 7.0)),
        ("numeric", lambda y, r: np.full(ROWS, np.nan)),
        ("category", lambda y, r: r.integers(0, 90, ROWS).astype(str)),  # many levels, and nothing in them
        ("category", lambda y, r: np.array([None] * ROWS, dtype=object)),
    ],
)
def test_what_may_be_known_beforehand_is_let_through(label: np.ndarray, kind: str, made) -> None:  # type: ignore[no-untyped-def]
    look(label, made(label, np.random.default_rng(4)), kind)


def test_one_class_alone_has_nothing_to_tell() -> None:
    look(np.zeros(ROWS, dtype=bool), np.arange(ROWS, dtype=float), "numeric")


# ── amounts ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("made", "is_refused"),
    [
        (lambda y, _: y, True),
        (lambda y, _: 0.13 * y, True),  # the tax on it
        (lambda y, _: -np.sqrt(y), True),  # its order, turned round
        (lambda y, r: np.where(r.random(ROWS) < 0.5, y, np.nan), True),  # known of some
        (lambda y, r: y + r.normal(0, 1, ROWS), True),  # 1 beside a spread of 100
        (lambda y, r: y + r.normal(0, 10, ROWS), False),
        (lambda y, _: np.full(ROWS, 3.0), False),
        (lambda y, _: np.full(ROWS, np.nan), False),
    ],
)
def test_a_number_that_tells_an_amount_is_refused_by_name(made, is_refused) -> None:
    rng = np.random.default_rng(4)
    amount = rng.exponential(100, ROWS)
    frame = pd.DataFrame({"honest": amount + rng.normal(0, 50, ROWS), "suspect": made(amount, rng)})
    encoder = Encoder.fit(frame, ("honest", "suspect"), ())
    if not is_refused:
        refuse_disguised_amounts(encoder, encoder.transform(frame), amount)
        return
    with pytest.raises(DisguisedLabel, match="'suspect' alone tells the outcome") as refusal:
        refuse_disguised_amounts(encoder, encoder.transform(frame), amount)
    assert refusal.value.feature == "suspect"


def test_a_leak_of_a_rare_label_is_found_among_many_rows() -> None:
    """Twelve positives, of which a plain sample with this seed would hold none."""
    label = np.random.default_rng(5).permutation(400_000) < 12
    encoder = Encoder(("leak",), {})
    with pytest.raises(DisguisedLabel, match="'leak'"):
        refuse_disguised_labels(encoder, label.astype(float)[:, None], label, seed=0)
