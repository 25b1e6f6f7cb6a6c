"""Rows in, scores out: each row by the variant that its customer gets, each one written down."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import compress, repeat
from typing import Any

import pandas as pd

from bentos.endpoint import Asked
from bentos.live import Live, Look
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
    """Score rows with the model's champion and challenger, write them down, and let a shadow score along."""
    route = live.route(model)
    by_customer = {id_: route.of(id_) for id_ in dict.fromkeys(rows.customer_ids)}
    routed = [by_customer[id_] for id_ in rows.customer_ids]
    said, fingerprints = _scored([served for _, served, _ in routed], rows)
    ids = [live.prediction_id() for _ in routed]
    answered = Answered([served for _, served, _ in routed], [variant for variant, _, _ in routed], ids, said)
    chances = [chance for _, _, chance in routed]
    written = _Written(live, look, model, rows, asked, datetime.now(UTC).isoformat(timespec="microseconds"))
    written.add(answered, chances, fingerprints, is_answered=True)
    if route.shadow is not None:
        live.shadow.submit(len(rows), lambda: _score_in_shadow(route, written, answered))
    return answered


def _score_in_shadow(route: Route, written: "_Written", answered: Answered) -> None:
    shadow = route.shadow
    assert shadow is not None
    all_by_it = [shadow] * len(written.rows)
    said, fingerprints = _scored(all_by_it, written.rows)
    unheard = Answered(all_by_it, ["challenger"] * len(said), answered.prediction_ids, said)
    written.add(unheard, [1.0] * len(said), fingerprints, is_answered=False)


def _scored(versions: Sequence[Served], rows: Rows) -> tuple[list[Mapping[str, Any] | None], list[str | None]]:
    """What each row's version says of it, and the fingerprint of the features that it says so by."""
    said: list[Mapping[str, Any] | None] = [None] * len(rows)
    fingerprints: list[str | None] = [None] * len(rows)
    by_version: dict[str, tuple[Served, list[int]]] = {}
    for position, (version, features) in enumerate(zip(versions, rows.features, strict=True)):
        if features is not None:
            by_version.setdefault(version.tag, (version, []))[1].append(position)
    for version, positions in by_version.values():
        found = version.scorer(rows.columns)([rows.features[i] for i in positions])  # type: ignore[misc]
        names = list(found.values)
        for i, values, fingerprint in zip(
            positions, zip(*found.values.values(), strict=True), found.fingerprints, strict=True
        ):
            said[i], fingerprints[i] = dict(zip(names, values, strict=True)), fingerprint
    return said, fingerprints


@dataclass(frozen=True)
class _Written:
    """The part of a prediction's record that is the same for all who score it."""

    live: Live
    look: Look
    model: str
    rows: Rows
    asked: Asked
    predicted_at: str

    def add(
        self, answered: Answered, chances: Sequence[float], fingerprints: Sequence[str | None], is_answered: bool
    ) -> None:
        """Write rows to the log; what is of someone who has been erased is not written."""
        value, label = TOLD[self.model]
        rows, asked = self.rows, self.asked
        products, channels, placements = zip(*rows.ads or [_NO_AD] * len(rows), strict=True)
        for variant in set(answered.variants):
            self.live.counts.predictions(self.model, variant, answered.variants.count(variant))
        predictions = map(
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
            repeat(round((time.perf_counter() - asked.began) * 1e3, 3)),
            repeat(self.look.profiles.as_of),
            repeat(asked.application),
        )
        may_be_known = [not self.look.is_erased(id_) for id_ in rows.customer_ids] if self.look.erased else repeat(True)
        self.look.log.add(list(compress(predictions, may_be_known)))


def reasons(
    answered: Answered, rows: Rows, explain: Callable[[Any, pd.DataFrame], list[list[str]]]
) -> dict[int, list[str]]:
    """Position → why, in words, of every row that was scored; each by the version that scored it."""
    found = {i: features for i, features in enumerate(rows.features) if features is not None}
    table = pd.DataFrame(found.values(), index=list(found), columns=list(rows.columns))
    table = table.loc[:, ~table.columns.duplicated()]
    told: dict[int, list[str]] = {}
    for version in {served.tag: served for served in answered.versions}.values():
        theirs = [i for i in table.index if answered.versions[i].tag == version.tag]
        if theirs:
            told |= dict(zip(theirs, explain(version.fitted, table.loc[theirs]), strict=True))
    return told
