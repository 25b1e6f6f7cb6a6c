"""What a competent engineer would write for one model: uvicorn, Starlette, orjson, and nothing else.

It does what ours does for a request: looks at the key, reads the profiles, asks the same model, appends to the same log
of predictions. It knows one version, one generation and the keys of when it started.
"""

import gc
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from infra import registry
from infra.api_keys import ApiKey, ApiKeys, recognised
from infra.keys import open_keys
from infra.ledger import Ledger
from infra.prediction_log import Prediction, PredictionLog
from infra.profiles import open_profiles
from infra.settings import load
from infra.state import State
from models import ctr
from tests.benchmarks.serving.features import AdRows
from tests.load.traffic import Shown


class Application:
    """Opened once; ``AIMLOOP_STATE`` is the state folder, ``BARE_LOG`` the folder of its log."""

    def __init__(self) -> None:
        settings = load(os.environ, Path.cwd())
        state, ledger = State(settings.state).pinned(), Ledger(State(settings.state).ledger)
        self._profiles, self._pseudonyms = open_profiles(settings, state), open_keys(settings, state)
        self._rows = AdRows(self._profiles, self._pseudonyms)
        self._tag = str(ledger.champion("ctr"))
        self._score = ctr.scorer(registry.load(self._tag), self._rows.columns)
        self._keys: Mapping[str, ApiKey] = {key.id: key for key in ApiKeys(ledger).all()}
        self._log = PredictionLog(Path(os.environ["BARE_LOG"]), "bare", 300, 200_000)
        gc.collect()
        gc.freeze()

    async def ctr(self, request: Request) -> Response:
        """One ad for one customer."""
        began = time.perf_counter()
        key = recognised(request.headers.get("authorization", "").removeprefix("Bearer "), self._keys)
        now = datetime.now(UTC)
        if key is None or key.standing(now.replace(tzinfo=None)) != "valid" or not key.may("score"):
            return Response(status_code=401)
        asked = orjson.loads(await request.body())
        ad = asked["ads"][0]
        shown = Shown(asked["customer_id"], ad["product_id"], ad.get("channel"), ad.get("placement"))
        scored = self._score([self._rows.row(shown)])
        probability, fingerprint = scored.values["click_probability"][0], scored.fingerprints[0]
        request_id, prediction_id = uuid4().hex, uuid4().hex
        self._log.add(
            [
                Prediction(
                    prediction_id=prediction_id,
                    request_id=request_id,
                    predicted_at=now.isoformat(timespec="microseconds"),
                    model="ctr",
                    version=self._tag,
                    variant="champion",
                    is_answered=True,
                    propensity=1.0,
                    pseudonym=self._pseudonyms.pseudonymise(shown.customer_id),
                    is_known=True,
                    product_id=shown.product_id,
                    channel=shown.channel,
                    placement=shown.placement,
                    value=probability,
                    label=None,
                    features_fingerprint=fingerprint,
                    latency_ms=(time.perf_counter() - began) * 1e3,
                    as_of=self._profiles.as_of,
                    application=key.id,
                )
            ]
        )
        answer = {"prediction_id": prediction_id, "click_probability": probability, "model": self._tag}
        return Response(
            orjson.dumps({"request_id": request_id, "impressions": [answer]}), media_type="application/json"
        )

    async def ready(self, _: Request) -> Response:
        return Response()


def app() -> Starlette:
    """For `uvicorn --factory`."""
    application = Application()
    return Starlette(
        routes=[Route("/ctr", application.ctr, methods=["POST"]), Route("/readyz", application.ready, methods=["GET"])]
    )
