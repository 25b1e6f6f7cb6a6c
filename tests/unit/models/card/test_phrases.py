"""Everything that is measured has words."""

import pytest

from models.card.phrases import METRICS, attribute_in_words, figure, measured, metric_in_words, setting, share


def test_every_metric_that_a_model_of_the_catalogue_reports_has_words(sample, fitted):
    _, later = sample.split(sample.windows[-1])
    reported = {
        name for name in sample.model.evaluate(fitted, later, sample.params) if not name.startswith("baseline_")
    }
    assert reported <= set(METRICS)
    assert all(name and meaning for name, meaning in METRICS.values())


def test_one_figure_has_one_name():
    assert metric_in_words("bias_ratio") == metric_in_words("prediction_ratio") == "predicted ÷ observed"
    names = [name for key, (name, _) in METRICS.items() if key != "bias_ratio"]
    assert len(set(names)) == len(names)


def test_a_metric_without_words_keeps_its_name():
    assert metric_in_words("spread_of_something") == "spread of something"


@pytest.mark.parametrize(
    ("name", "value", "text"), [("anova_p", 0.0, "< 0.001"), ("welch_p", 0.0421, "0.0421"), ("auc", 0.0, "0")]
)
def test_no_p_value_is_nothing(name, value, text):
    assert measured(name, value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(float("inf"), "∞"), (float("-inf"), "−∞"), (1e300, "1e+300"), (123_456_789_012.0, "123,456,789,012")],
)
def test_what_has_no_end_is_a_figure_too(value, text):
    assert figure(value) == text


@pytest.mark.parametrize(("value", "text"), [(float("inf"), "∞"), (float("nan"), "–"), (None, "–")])
def test_and_a_share(value, text):
    assert share(value) == text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("repair", {"slope": 1.0}, "none needed"),
        ("repair", {"slope": 1.07}, "distance of log-odds from the base rate × 1.07"),
        ("line", {"start": 1.5, "slope": 0.25}, "start 1.50, slope 0.250"),
        ("increasing", (), "none"),
        ("boosting_shares", [0.0, 0.5], "0, 0.500"),
        ("rounds", 12, "12"),
        ("imputation", "mean", "mean"),
        ("recent_by", None, "none"),
    ],
)
def test_settings_are_words_and_not_code(name, value, text):
    assert setting(name, value) == text


def test_several_attributes_are_read_one_by_one():
    assert attribute_in_words("age_band, household_size") == "age, household size"
