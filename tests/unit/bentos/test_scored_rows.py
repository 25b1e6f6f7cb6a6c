"""Rows are scored by the variant that their customer gets, answered in order, and written down."""

import time
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from bentos.counting import Counts
from bentos.endpoint import Asked, Refusal
from bentos.routing import Route, Served
from bentos.scoring import Rows, score
from bentos.shadow import Shadow
from infra.experiments import Experiment
from infra.prediction_log import Prediction
from infra.sections import Services
from models.scoring import Scored

COLUMNS = ("orders",)
IDS = [f"c{number}" for number in range(200)]


def version(tag: str, factor: float) -> Served:
    """A version of churn that says ``factor`` times the orders."""

    def scorer(rows: Any) -> Scored:
        said = [factor * orders for (orders,) in rows]
        bands = ["high" if value > 50 else "low" for value in said]
        return Scored({"churn_probability": said, "risk_band": bands}, [f"{orders:016x}" for (orders,) in rows])

    return Served("churn", tag, None, lambda _, __: scorer)


CHAMPION, CHALLENGER = version("churn:old", 1.0), version("churn:new", -1.0)


def experiment(share: float, is_shadow: bool = False) -> Experiment:
    began = datetime(2018, 1, 1)
    return Experiment(
        id=1,
        model="churn",
        champion="churn:old",
        challenger="churn:new",
        salt="pepper",
        share=share,
        is_shadow=is_shadow,
        started_at=began,
        reason="test",
        ended_at=None,
        end_reason=None,
        steps=(),
    )


@dataclass
class Log:
    rows: list[Prediction] = field(default_factory=list)

    def add(self, rows: list[Prediction]) -> None:
        self.rows += rows


def scored(
    route: Route | None,
    ids: list[str],
    erased: set[str] = frozenset(),
    counts: Counts | None = None,
    log: Log | None = None,
) -> tuple[Any, list[Prediction]]:
    """What is answered for customers with as many orders as their number says, and what is written down.

    Whoever has an odd number is not known.
    """

    def routed(_: str) -> Route:
        if route is None:
            raise Refusal(404, "none", "wait")
        return route

    log, shadow, numbers = log or Log(), Shadow(), iter(range(10_000))
    live = SimpleNamespace(
        route=routed,
        counts=counts or Counts(),
        shadow=shadow,
        prediction_id=lambda: f"worker-{next(numbers):x}",
        settings=SimpleNamespace(services=Services(challenger_timeout_ms=20)),
    )
    look = SimpleNamespace(
        log=log,
        erased=erased,
        is_erased=lambda id_: id_ in erased,
        profiles=SimpleNamespace(as_of="2018-01-02T00:00:00"),
    )
    is_known = [int(id_[1:]) % 2 == 0 for id_ in ids]
    features = [(int(id_[1:]),) if known else None for id_, known in zip(ids, is_known, strict=True)]
    rows = Rows(ids, [id_.upper() for id_ in ids], COLUMNS, features, is_known)
    answered = score(live, look, "churn", rows, Asked("request-1", "key-1", time.perf_counter()))
    shadow.close()
    return answered, log.rows


def test_each_customer_is_answered_by_its_variant_and_in_the_order_asked() -> None:
    route = Route(CHAMPION, CHALLENGER, experiment(0.3))
    answered, _ = scored(route, IDS)
    for id_, served, variant, said in zip(IDS, answered.versions, answered.variants, answered.said, strict=True):
        assert (variant, served.tag) == (
            route.of(id_)[0],
            {"champion": "churn:old", "challenger": "churn:new"}[variant],
        )
        orders = int(id_[1:])
        sign = 1 if variant == "champion" else -1
        assert said == (None if orders % 2 else {"churn_probability": sign * orders, "risk_band": _band(sign * orders)})
    assert 40 < answered.variants.count("challenger") < 80
    assert len(set(answered.prediction_ids)) == len(IDS)


def _band(value: float) -> str:
    return "high" if value > 50 else "low"


def test_what_was_said_is_written_down_by_pseudonym() -> None:
    answered, written = scored(Route(CHAMPION, CHALLENGER, experiment(0.3)), ["c60", "c7"])
    known, unknown = written
    assert known.prediction_id == answered.prediction_ids[0]
    assert (known.request_id, known.application, known.model, known.as_of) == (
        *("request-1", "key-1"),
        *("churn", "2018-01-02T00:00:00"),
    )
    assert (known.pseudonym, known.is_known, known.is_answered) == ("C60", True, True)
    assert (known.value, known.label) == (answered.said[0]["churn_probability"], answered.said[0]["risk_band"])
    assert known.features_fingerprint == f"{60:016x}"
    assert known.propensity == (0.3 if known.variant == "challenger" else 0.7)
    assert datetime.fromisoformat(known.predicted_at).utcoffset() is not None
    assert 0 < known.latency_ms < 10_000
    assert (unknown.pseudonym, unknown.is_known, unknown.value, unknown.label) == ("C7", False, None, None)


def test_of_someone_who_was_erased_nothing_is_written_down() -> None:
    answered, written = scored(Route(CHAMPION), ["c2", "c4"], erased={"c2"})
    assert len(answered.prediction_ids) == 2
    assert [row.pseudonym for row in written] == ["C4"]


def test_what_a_champion_fails_to_say_is_written_down_for_its_probation() -> None:
    """Nobody is answered; of customers that are not known nothing could have been said anyway."""
    log = Log()
    broken = Served("churn", "churn:old", None, lambda _, __: lambda rows: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        scored(Route(broken), ["c2", "c4", "c5"], log=log)
    assert [(row.pseudonym, row.variant, row.version) for row in log.rows] == [
        ("C2", "champion", "churn:old"),
        ("C4", "champion", "churn:old"),
    ]
    assert {(row.value, row.label, row.is_answered, row.is_known) for row in log.rows} == {(None, None, False, True)}


def test_a_shadow_scores_the_same_rows_and_nobody_hears_it() -> None:
    answered, written = scored(Route(CHAMPION, CHALLENGER, experiment(0.3, is_shadow=True)), ["c2", "c4", "c5"])
    assert set(answered.variants) == {"champion"}
    heard, unheard = written[:3], written[3:]
    assert [row.is_answered for row in written] == [True] * 3 + [False] * 3
    assert [row.prediction_id for row in heard] == [row.prediction_id for row in unheard] == answered.prediction_ids
    assert [(row.variant, row.version, row.value) for row in unheard] == [
        ("challenger", "churn:new", -2),
        ("challenger", "churn:new", -4),
        ("challenger", "churn:new", None),
    ]


def test_without_a_version_the_caller_is_told() -> None:
    with pytest.raises(Refusal, match="none"):
        scored(None, ["c2"])


# ── challengers that fail ─────────────────────────────────────────────────────────────────────


def failing(how: str) -> Served:
    def scorer(rows: Any) -> Scored:
        if how == "error":
            raise ZeroDivisionError
        time.sleep(0.03)  # 20 ms are allowed
        return Scored({"churn_probability": [0.0] * len(rows), "risk_band": ["low"] * len(rows)}, ["f"] * len(rows))

    return Served("churn", "churn:new", None, lambda _, __: scorer)


@pytest.mark.parametrize("how", ["error", "slow"])
def test_where_the_challenger_fails_the_champion_answers_and_it_is_written_down(how: str) -> None:
    answered, written = scored(Route(CHAMPION, failing(how), experiment(0.3)), IDS)
    assert set(answered.variants) == {"champion"}
    assert {served.tag for served in answered.versions} == {"churn:old"}
    for id_, said in zip(IDS, answered.said, strict=True):
        orders = int(id_[1:])
        assert said == (None if orders % 2 else {"churn_probability": orders, "risk_band": _band(orders)})
    heard, unheard = written[: len(IDS)], written[len(IDS) :]
    assert all(row.is_answered for row in heard)
    dealt = {id_.upper() for id_ in IDS if experiment(0.3).variant(id_)[0] == "challenger" and int(id_[1:]) % 2 == 0}
    assert {row.pseudonym for row in unheard} == dealt  # of strangers nobody could have said anything
    by_id = {row.prediction_id: row for row in heard}
    for row in unheard:
        assert (row.variant, row.version, row.is_answered) == ("challenger", "churn:new", False)
        assert (row.value, row.label, row.features_fingerprint) == (None, None, None)
        # both rows say with which chance the customer was dealt to the challenger
        assert row.propensity == by_id[row.prediction_id].propensity == 0.3


def test_failures_are_counted_by_their_kind() -> None:
    route = Route(CHAMPION, failing("error"), experiment(0.3))
    for turn, kind in enumerate(["error"] * 3 + ["passed over"]):
        counts = Counts()
        scored(route, IDS, counts=counts)
        rows = sum(experiment(0.3).variant(id_)[0] == "challenger" for id_ in IDS[::2])  # the others are not known
        told = f'aimloop_challenger_failures_total{{kind="{kind}",model="churn"}} {float(rows)}'
        assert told in counts.text().decode(), turn


@pytest.mark.parametrize("is_shadow", [False, True])
def test_what_a_challenger_was_passed_over_for_took_it_no_time(is_shadow: bool) -> None:
    """By this the log tells a challenger that failed from one that was not asked."""
    route, told = Route(CHAMPION, failing("error"), experiment(0.999, is_shadow)), []
    for _ in range(4):
        _, written = scored(route, ["c2"])
        heard, unheard = written
        assert heard.latency_ms > 0
        told.append((unheard.variant, unheard.value, unheard.latency_ms > 0))
    assert told == [("challenger", None, True)] * 3 + [("challenger", None, False)]


def test_a_shadow_that_fails_is_written_down_too() -> None:
    answered, written = scored(Route(CHAMPION, failing("error"), experiment(0.3, is_shadow=True)), ["c2", "c4", "c5"])
    assert answered.said[0] == {"churn_probability": 2, "risk_band": "low"}
    unheard = written[3:]
    assert [row.pseudonym for row in unheard] == ["C2", "C4"]
    assert {(row.variant, row.is_answered, row.value, row.label) for row in unheard} == {
        ("challenger", False, None, None)
    }


def test_of_someone_erased_no_failure_is_written_down_either() -> None:
    known = [id_ for id_ in IDS if int(id_[1:]) % 2 == 0 and experiment(0.3).variant(id_)[0] == "challenger"]
    _, written = scored(Route(CHAMPION, failing("error"), experiment(0.3)), known[:2], erased={known[0]})
    assert {row.pseudonym for row in written} == {known[1].upper()}
    assert len(written) == 2
