"""LightGBM and logistic regression together: what they say, what each feature adds, what can be wrong with rows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, logit

from models.backtest import Rehearsal
from models.calibration import Repair
from models.encoding import Encoder
from models.errors import TooLittleHistory
from models.propensity import Params, Propensity, candidates, choose, fit

QUICK = Params(rounds=15, leaves=7, min_rows_in_leaf=20, boosting_share=0.5)
NUMERIC = ("age", "visits", "spent")


def world(rows: int = 1_500, seed: int = 3) -> tuple[pd.DataFrame, np.ndarray]:
    """``visits`` and ``region`` decide, ``age`` has gaps, ``spent`` does nothing."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": np.where(rng.random(rows) < 0.2, np.nan, rng.normal(40, 10, rows)),
            "visits": rng.poisson(3, rows).astype(float),
            "spent": rng.exponential(20, rows),
            "region": rng.choice(["north", "south", None], rows),
        }
    )
    return frame, rng.random(rows) < expit(-3 + 0.5 * frame["visits"] + 1.5 * (frame["region"] == "north")).to_numpy()


def encoder_of(frame: pd.DataFrame) -> Encoder:
    return Encoder.fit(frame, NUMERIC, ("region",))


def learned(params: Params = QUICK, offset: float = 0.0, **columns) -> Propensity:
    frame, label = world()
    frame = frame.assign(**columns)
    return fit(frame, label, encoder_of(frame), params, offset)


# ── what is said ──────────────────────────────────────────────────────────────────────────────


def test_the_log_odds_are_the_weighted_mean_of_both():
    frame, _ = world()
    trees, both, line = (logit(learned(replace(QUICK, boosting_share=s)).probability(frame)) for s in (1.0, 0.25, 0.0))
    assert_allclose(both, 0.25 * trees + 0.75 * line, atol=1e-9)
    assert_allclose(expit(line), learned().baseline_probability(frame))
    assert np.abs(trees - line).max() > 0.3


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_offset_moves_the_log_odds_and_the_repair_bends_them_after_it(share):
    frame, _ = world()
    plain = learned(replace(QUICK, boosting_share=share))
    bent = learned(replace(QUICK, boosting_share=share, repair=Repair(0.8)), offset=-1.0)
    pivot = plain.pivot - 1.0
    assert bent.pivot == pivot
    moved = logit(plain.probability(frame)) - 1.0
    assert_allclose(logit(bent.probability(frame)), pivot + 0.8 * (moved - pivot), atol=1e-9)


@pytest.mark.parametrize(
    ("imbalance", "share", "least"),
    [
        ("class_weights", 0.0, 0.85),
        ("class_weights", 1.0, 0.8),
        ("smote", 0.0, 0.8),
        ("smote", 1.0, 0.4),  # trees know invented rows by counts that are not whole
    ],
)
def test_probabilities_are_of_the_world_as_it_is_whatever_is_done_about_a_rare_class(imbalance, share, least):
    frame, label = world()
    kept = (np.random.default_rng(1).random(len(label)) < 0.3) | ~label
    frame, label = frame[kept], label[kept]
    params = replace(QUICK, imbalance=imbalance, boosting_share=share)
    model = fit(frame, label, encoder_of(frame), params, 0.0)
    assert least < model.probability(frame).mean() / label.mean() < 1.1
    not_moved = replace(model, boosted_offset=0.0, linear_offset=0.0)
    assert not_moved.probability(frame).mean() / label.mean() > 2


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("repair", [Repair(), Repair(0.7)])
def test_contributions_and_the_average_are_the_log_odds_of_the_prediction(share, repair):
    frame, _ = world()
    model = learned(replace(QUICK, boosting_share=share, repair=repair), offset=-0.5)
    parts = model.contributions(frame.set_index(frame.index + 7))
    assert list(parts.columns) == [*NUMERIC, "region", "average"]
    assert_allclose(parts.sum(axis=1), logit(model.probability(frame)), atol=1e-6)
    assert_allclose(parts["average"], parts["average"].iloc[0], atol=1e-6)  # the same for every row
    assert parts.abs().mean().drop("average").nlargest(2).index.tolist() == ["visits", "region"]
    assert parts.index.tolist() == list(range(7, 1_507))


def test_no_rows_give_no_predictions_and_no_contributions():
    for share in (0.0, 0.5, 1.0):
        model, nobody = learned(replace(QUICK, boosting_share=share)), world()[0].head(0)
        assert model.probability(nobody).shape == model.baseline_probability(nobody).shape == (0,)
        assert model.contributions(nobody).shape == (0, 5)


# ── rehearsals say what training would ────────────────────────────────────────────────────────


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("imbalance", ["none", "class_weights", "smote"])
def test_of_later_rows_candidates_say_what_a_model_fitted_with_their_choice_says(share, imbalance):
    (past, label), (later, later_label) = world(), world(rows=300, seed=4)
    params = replace(QUICK, boosting_share=share, boosting_shares=(share,), imbalance=imbalance)
    weight = np.arange(300.0)
    rehearsed, evidence = candidates(past, label, later, later_label, weight, encoder_of(past), params, -0.7)
    fitted = fit(past, label, encoder_of(past), params, -0.7)
    assert_array_equal(rehearsed.probability(later), fitted.probability(later))
    assert_allclose(evidence.judged(params).log_odds, logit(fitted.probability(later)), atol=1e-9)
    other = replace(params, rounds=10, inverse_penalty=0.01)
    expected = logit(fit(past, label, encoder_of(past), other, -0.7).probability(later))
    assert_allclose(evidence.judged(other).log_odds, expected, atol=1e-9)
    assert (evidence.weight.tolist(), evidence.label.tolist()) == (weight.tolist(), later_label.tolist())


def test_a_penalty_that_is_not_among_those_to_choose_from_is_considered_too():
    frame, label = world()
    params = replace(QUICK, inverse_penalty=7.0)
    _, evidence = candidates(frame, label, frame, label, np.ones(len(label)), encoder_of(frame), params, 0.0)
    assert list(evidence.linear) == [0.01, 0.1, 1.0, 7.0]
    assert list(evidence.boosted) == [10, 15]


# ── how it learns ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("constraint", "sign"), [("increasing", 1), ("decreasing", -1)])
def test_more_of_a_constrained_feature_only_ever_moves_the_trees_one_way(constraint, sign):
    """Also against what the rows say: there, such a feature is left alone."""
    frame, _ = world(rows=300)
    params = replace(QUICK, boosting_share=1.0, rounds=40, **{constraint: ("spent", "visits", "age")})
    model = learned(params)
    for feature, values in {"visits": range(12), "spent": range(0, 100, 9), "age": range(10, 80, 5)}.items():
        said = np.array([model.probability(frame.assign(**{feature: float(value)})) for value in values])
        assert (sign * np.diff(said, axis=0) >= -1e-12).all()
    free = learned(replace(params, **{constraint: ()}))
    said = np.array([free.probability(frame.assign(spent=float(value))) for value in range(0, 100, 9)])
    assert (sign * np.diff(said, axis=0) < -1e-6).any()


def test_the_regression_learns_from_at_most_so_many_rows_and_the_trees_from_all():
    frame, _ = world()
    few, all_rows = learned(replace(QUICK, linear_rows=400)), learned()
    assert np.abs(few.baseline_probability(frame) - all_rows.baseline_probability(frame)).max() > 0.01
    few, all_rows = (replace(model, boosting_share=1.0) for model in (few, all_rows))
    assert_array_equal(few.probability(frame), all_rows.probability(frame))


def test_a_regression_on_a_sample_speaks_of_all_rows_also_where_positives_are_rare():
    """60 positives among 12,000 rows: all are in the sample of 1,000, and the odds are taken back."""
    frame, _ = world(rows=12_000)
    label = np.random.default_rng(1).permutation(12_000) < 60
    model = fit(frame, label, encoder_of(frame), replace(QUICK, linear_rows=1_000), 0.0)
    assert model.baseline_probability(frame).mean() == pytest.approx(60 / 12_000, rel=0.2)
    smote = replace(QUICK, linear_rows=40, imbalance="smote")  # four positives: too few to invent from
    model = fit(frame, label, encoder_of(frame), smote, 0.0)
    assert 0.3 < model.baseline_probability(frame).mean() / (60 / 12_000) < 3


def test_a_window_in_which_the_trees_stop_early_can_still_be_compared():
    """Nothing to split: LightGBM stops at once, and more rounds say the same."""
    frame, label = world()
    params = replace(QUICK, min_rows_in_leaf=1_000, rounds=30)
    _, stopped = candidates(frame, label, frame, label, np.ones(1_500), encoder_of(frame), params, 0.0)
    _, grown = candidates(
        frame, label, frame, label, np.ones(1_500), encoder_of(frame), replace(params, min_rows_in_leaf=20), 0.0
    )
    assert list(stopped.boosted) == list(grown.boosted) == [10, 20, 30]
    assert_array_equal(stopped.boosted[10], stopped.boosted[30])
    chosen = choose([Rehearsal({}, stopped), Rehearsal({}, grown)], params)
    assert chosen.rounds in (10, 20, 30)


# ── what may be wrong with rows ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("infinite", [np.inf, -np.inf])
def test_infinite_values_count_as_missing(infinite):
    frame, _ = world()
    assert_array_equal(
        learned(age=frame["age"].fillna(infinite)).probability(frame.assign(age=infinite)),
        learned().probability(frame.assign(age=np.nan)),
    )


@pytest.mark.parametrize("imputation", ["mean", "knn"])
@pytest.mark.parametrize("imbalance", ["none", "class_weights", "smote"])
@pytest.mark.parametrize("columns", [{"spent": 4.0}, {"spent": np.nan}, {"region": "north"}, {"region": None}], ids=str)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_constant_and_empty_columns_are_harmless(imputation, imbalance, columns):
    frame, label = world()
    model = learned(replace(QUICK, imputation=imputation, imbalance=imbalance), **columns)
    said = model.probability(frame)  # in which the column varies after all
    assert np.isfinite(said).all()
    assert np.isfinite(model.contributions(frame)).all(axis=None)
    assert said[label].mean() > said[~label].mean() + 0.05


def test_rows_that_occur_twice_are_allowed_and_say_the_same():
    """A customer who is there twice counts twice, and is told the same both times."""
    frame, label = world()
    twice, labels = pd.concat([frame, frame], ignore_index=True), np.tile(label, 2)
    said = fit(twice, labels, encoder_of(twice), QUICK, 0.0).probability(twice)
    assert_array_equal(said[:1_500], said[1_500:])
    assert said.mean() == pytest.approx(label.mean(), rel=0.05)


@pytest.mark.parametrize(
    ("positives", "message"),
    [(0, "0 positives among 1500 rows"), (29, "29 positives among 1500 rows"), (1_500, "1500 positives among 1500")],
)
def test_too_few_positives_or_nothing_else_is_too_little_to_learn_from(positives, message):
    frame, _ = world()
    label = np.random.default_rng(1).permutation(1_500) < positives
    with pytest.raises(TooLittleHistory, match=message):
        fit(frame, label, encoder_of(frame), QUICK, 0.0)


def test_as_many_positives_as_are_asked_for_are_enough():
    frame, _ = world()
    label = np.random.default_rng(1).permutation(1_500) < 30
    assert fit(frame, label, encoder_of(frame), QUICK, 0.0).probability(frame).mean() == pytest.approx(0.02, rel=0.3)
