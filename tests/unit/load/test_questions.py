"""The mix: real customers and ads, a few strangers, and only models that have a champion."""

from collections import Counter

from tests.load.questions import WEIGHTS, Questions, is_stranger
from tests.load.traffic import Shown

SHOWN = [Shown("7", "p1", "mailer", "mailer A"), Shown("8", "p2", None, None)]


def test_questions_come_in_the_proportion_of_their_weights() -> None:
    questions = Questions(SHOWN, ("ctr", "churn", "clv", "segmentation"), seed=1)
    questions.answered(["a-1"])
    asked = [questions.next() for _ in range(5_000)]
    share = {kind: count / len(asked) for kind, count in Counter(question.kind for question in asked).items()}
    assert all(abs(share[kind] - weight / 100) < 0.02 for kind, weight in WEIGHTS.items())
    customers = [who for question in asked for who in question.customers]
    assert {who for who in customers if not is_stranger(who)} == {"7", "8"}
    assert 0.01 < sum(map(is_stranger, customers)) / len(customers) < 0.04


def test_a_model_without_champion_is_not_asked() -> None:
    questions = Questions(SHOWN, ("ctr",), seed=1)
    assert {questions.next().path for _ in range(500)} == {"/ctr", "/profile", "/plan"}


def test_outcomes_are_of_predictions_that_were_answered() -> None:
    questions = Questions(SHOWN, (), seed=1)
    questions.answered(["a-1", "a-2"])
    reports = [question for question in (questions.next() for _ in range(200)) if question.kind == "outcomes"]
    assert {report.body["outcomes"][0]["prediction_id"] for report in reports if report.body} == {"a-1"}
