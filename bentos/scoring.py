"""Rows in, scores out: each row by the variant that its customer gets, each one written down."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import compress, repeat
from typing import Any

import pandas as pd

from bentos.endpoint import Asked
from bentos.live import Live, Look
from bentos.patience import Failure
from bentos.routing import Route, Served
from infra.prediction_log import Prediction

# what of a model's answer is written down: a number, a label
TOLD: Mapping[str, tuple[str | None, str | None]] = {
    "ctr": ("click_probability", None),
    "churn": ("churn_probability", "risk_band"),
    "clv": ("expected_revenue", None),
    "segmentation": (None, "segment"),
}
_NO_AD = (None, None, None)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rows:
    """What is to be scored, a row for each: the customer's own id and pseudonym; the features, None where the customer
    is not known and the model cannot do without; the ad, if there is one: product, channel, placement.
    """

    customer_ids: Sequence[str]
    pseudonyms: Sequence[str]
    columns: tuple[str, ...]
    features: Sequence[tuple[Any, ...] | None]
    is_known: Sequence[bool]
    ads: Sequence[tuple[str | None, str | None, str | None]] | None = None

    def __len__(self) -> int:
        return len(self.customer_ids)


@dataclass(frozen=True)
class Answered:
    """For each row: which version said so, the name of the prediction, and what was said (None: nothing could be)."""

    versions: Sequence[Served]
    variants: list[str]
    prediction_ids: Sequence[str]
    said: Sequence[Mapping[str, Any] | None]

    def rows(self) -> list[dict[str, Any]]:
        """What `shapes.Scored` tells, a row for each."""
        return [
            {"prediction_id": id_, "model": version.tag, "variant": variant}
            for id_, version, variant in zip(self.prediction_ids, self.versions, self.variants, strict=True)
        ]


def score(live: Live, look: Look, model: str, rows: Rows, asked: Asked) -> Answered:
    """Score rows with the model's champion and challenger, write them down, and let a shadow score along.

    What the challenger fails to say, or not in time, the champion says. Where the champion fails nobody is answered:
    what it raises goes on, and its rows are written down without a value.
    """
    route = live.route(model)
    by_customer = {id_: route.of(id_) for id_ in dict.fromkeys(rows.customer_ids)}
    routed = [by_customer[id_] for id_ in rows.customer_ids]
    variants: list[str] = [variant for variant, _, _ in routed]
    versions, chances = [version for _, version, _ in routed], [chance for _, _, chance in routed]
    said = _Said([None] * len(rows), [None] * len(rows))
    challenged = [i for i, variant in enumerate(variants) if variant == "challenger"]
    failure = _failure(live, route, rows, challenged, said, time.perf_counter) if challenged else None
    passed_on = challenged if failure is not None else []
    for i in passed_on:
        variants[i], versions[i] = "champion", route.champion
    by_champion = [i for i, variant in enumerate(variants) if variant == "champion"]
    ids = [live.prediction_id() for _ in routed]
    written = _Written(live, look, model, rows, asked, datetime.now(UTC).isoformat(timespec="microseconds"))
    try:
        said.fill(route.champion, rows, by_champion)
    except Exception:  # written down, or the probation of one that always fails would have nothing to judge by
        written.add_failures("champion", route.champion, ids, chances, by_champion, "error")
        raise
    answered = Answered(versions, variants, ids, said.values)
    for variant, count in (("champion", len(by_champion)), ("challenger", len(rows) - len(by_champion))):
        if count:
            live.counts.predictions(model, variant, count)
    written.add(answered, chances, said.fingerprints, is_answered=True)
    if failure is not None:
        written.add_failures("challenger", route.challenger, ids, chances, passed_on, failure)
    if route.shadow is not None:
        live.shadow.submit(len(rows), lambda: _score_in_shadow(route, written, answered))
    return answered


def _failure(
    live: Live, route: Route, rows: Rows, positions: Sequence[int], said: "_Said", clock: Callable[[], float]
) -> Failure | None:
    """Let the challenger say what it has to of rows; what went wrong, counted, if anything did."""
    challenger = route.challenger
    assert challenger is not None
    failure = challenger.patience.attempt(
        challenger.tag,
        lambda: said.fill(challenger, rows, positions),
        len(positions),
        live.settings.services.challenger_timeout_ms,
        clock,
    )
    if failure is not None:
        said.clear(positions)
        could = sum(rows.features[i] is not None for i in positions)
        live.counts.challenger_failed(challenger.name, failure, could)
    return failure


def _score_in_shadow(route: Route, written: "_Written", answered: Answered) -> None:
    shadow = route.shadow
    assert shadow is not None
    live, rows, everything = written.live, written.rows, range(len(written.rows))
    said = _Said([None] * len(rows), [None] * len(rows))
    chances = [1.0] * len(rows)
    # nobody waits: what counts is the time that it takes from requests, not that which they take from it
    failure = _failure(live, route, rows, everything, said, time.thread_time)
    if failure is not None:
        written.add_failures("challenger", shadow, answered.prediction_ids, chances, everything, failure)
        return
    unheard = Answered([shadow] * len(rows), ["challenger"] * len(rows), answered.prediction_ids, said.values)
    live.counts.predictions(written.model, "challenger", len(rows))
    written.add(unheard, chances, said.fingerprints, is_answered=False)


@dataclass(frozen=True)
class _Said:
    """What is said of each row, and the fingerprint of the features that it is said by."""

    values: list[Mapping[str, Any] | None]
    fingerprints: list[str | None]

    def fill(self, version: Served, rows: Rows, positions: Sequence[int]) -> None:
        """Let a version say what it can of some rows."""
        some = [i for i in positions if rows.features[i] is not None]
        if not some:
            return
        found = version.scorer(rows.columns)([rows.features[i] for i in some])  # type: ignore[misc]
        names = list(found.values)
        columns = zip(*found.values.values(), strict=True)
        for i, values, fingerprint in zip(some, columns, found.fingerprints, strict=True):
            self.values[i], self.fingerprints[i] = dict(zip(names, values, strict=True)), fingerprint

    def clear(self, positions: Sequence[int]) -> None:
        for i in positions:
            self.values[i] = self.fingerprints[i] = None


@dataclass(frozen=True)
class _Written:
    """The part of a prediction's record that is the same for all who score it."""

    live: Live
    look: Look
    model: str
    rows: Rows
    asked: Asked
    predicted_at: str

    def add_failures(
        self,
        variant: str,
        version: Served | None,
        ids: Sequence[str],
        chances: Sequence[float],
        positions: Sequence[int],
        failure: Failure,
    ) -> None:
        """Write down what a version was asked and did not say: a row without value or label that nobody heard.

        One that was passed over was not asked: its latency is 0, by which evaluations tell.
        """
        assert version is not None
        count, asked = len(self.rows), set(positions)
        nothing = Answered([version] * count, [variant] * count, ids, [None] * count)
        which = [i in asked and features is not None for i, features in enumerate(self.rows.features)]
        latency_ms = 0.0 if failure == "passed over" else None
        self.add(nothing, chances, [None] * count, is_answered=False, which=which, latency_ms=latency_ms)

    def add(
        self,
        answered: Answered,
        chances: Sequence[float],
        fingerprints: Sequence[str | None],
        is_answered: bool,
        which: Sequence[bool] | None = None,
        latency_ms: float | None = None,
    ) -> None:
        """Write rows to the log, or those of ``which``; what is of someone who has been erased is not written.

        ``latency_ms``: None is the time since the request came.
        """
        if latency_ms is None:
            latency_ms = round((time.perf_counter() - self.asked.began) * 1e3, 3)
        value, label = TOLD[self.model]
        rows, asked = self.rows, self.asked
        products, channels, placements = zip(*rows.ads or [_NO_AD] * len(rows), strict=True)
        predictions: Iterator[Prediction] = map(
            Prediction,  # its fields, in their order
            answered.prediction_ids,
            repeat(asked.request_id),
            repeat(self.predicted_at),
            repeat(self.model),
            (version.tag for version in answered.versions),
            answered.variants,
            repeat(is_answered),
            chances,
            rows.pseudonyms,
            rows.is_known,
            products,
            channels,
            placements,
            (None if value is None or said is None else said[value] for said in answered.said),
            (None if label is None or said is None else said[label] for said in answered.said),
            fingerprints,
            repeat(latency_ms),
            repeat(self.look.profiles.as_of),
            repeat(asked.application),
        )
        if which is not None:
            predictions = compress(predictions, which)
        if self.look.erased:
            ids = rows.customer_ids if which is None else compress(rows.customer_ids, which)
            predictions = compress(predictions, [not self.look.is_erased(id_) for id_ in ids])
        self.look.log.add(list(predictions))


def reasons(
    answered: Answered, rows: Rows, explain: Callable[[Any, pd.DataFrame], list[list[str]]]
) -> dict[int, list[str]]:
    """Position → why, in words, of every row that was scored; each by the version that scored it.

    A challenger that cannot say why has answered all the same: its rows are left out.
    """
    found = {i: features for i, features in enumerate(rows.features) if features is not None}
    table = pd.DataFrame(found.values(), index=list(found), columns=list(rows.columns))
    table = table.loc[:, ~table.columns.duplicated()]
    told: dict[int, list[str]] = {}
    for version in {served.tag: served for served in answered.versions}.values():
        theirs = [i for i in table.index if answered.versions[i].tag == version.tag]
        if not theirs:
            continue
        try:
            told |= dict(zip(theirs, explain(version.fitted, table.loc[theirs]), strict=True))
        except Exception:
            if answered.variants[theirs[0]] == "champion":
                raise
            _log.exception("%s could not say why", version.tag)
    return told
