"""What is live: versions, experiments, profiles, the log; and what is wrong with them."""

from typing import Annotated, Any

from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from bentos.endpoint import Asked, Endpoint
from bentos.live import Live
from bentos.shapes import RequestId


class ModelHealth(TypedDict):
    """Who answers for a model."""

    champion: Annotated[str | None, Field(description="Tag of the version; null where none can be used.")]
    challenger: Annotated[str | None, Field(description="Of a running experiment.")]
    challenger_share: Annotated[float, Field(description="Of customers; 0 in the shadow, and without one.")]
    is_shadow: Annotated[bool, Field(description="The challenger scores along, and nobody hears it.")]
    trouble: Annotated[str | None, Field(description="Why a version that the ledger names cannot be used.")]


class ProfilesHealth(TypedDict):
    """What customers are looked up in."""

    generation: str | None
    as_of: str | None
    published_at: str | None
    is_stale: bool
    trouble: str | None


class LogHealth(TypedDict):
    """The prediction log of this worker."""

    lost_rows: Annotated[int, Field(description="That could not be written down since the start.")]
    trouble: str | None


class HealthAnswer(TypedDict):
    """How the worker that answers is; others may be a second ahead or behind."""

    request_id: RequestId
    status: Annotated[str, Field(description="`ok`, or `failing` where one of the parts has a trouble.")]
    worker: str
    ledger_trouble: Annotated[str | None, Field(description="Why champions, experiments and keys stay as they were.")]
    models: dict[str, ModelHealth]
    profiles: ProfilesHealth
    prediction_log: LogHealth


def answer(live: Live, _: None, asked: Asked) -> dict[str, Any]:
    """Which versions answer, how old profiles are, and what is wrong."""
    models = {name: _model(live, name) for name in live.versions.names}
    profiles = live.profiles
    log = {"lost_rows": live.lost_rows, "trouble": live.log_trouble}
    told = {
        "generation": profiles.generation if profiles else None,
        "as_of": profiles.as_of if profiles else None,
        "published_at": profiles.published_at.isoformat(timespec="seconds") if profiles else None,
        "is_stale": live.is_stale,
        "trouble": live.trouble,
    }
    is_failing = live.trouble or live.log_trouble or live.versions.troubles or live.versions.ledger_trouble
    return {
        "request_id": asked.request_id,
        "status": "failing" if is_failing else "ok",
        "worker": live.worker,
        "ledger_trouble": live.versions.ledger_trouble,
        "models": models,
        "profiles": told,
        "prediction_log": log,
    }


def _model(live: Live, name: str) -> dict[str, Any]:
    route = live.versions.routes.get(name)
    experiment = route.experiment if route is not None else None
    return {
        "champion": route.champion.tag if route is not None else None,
        "challenger": route.challenger.tag if route is not None and route.challenger is not None else None,
        "challenger_share": experiment.share if experiment is not None and not experiment.is_shadow else 0.0,
        "is_shadow": experiment is not None and experiment.is_shadow,
        "trouble": live.versions.troubles.get(name),
    }


ENDPOINT = Endpoint("GET", "/health", "read", TypeAdapter(HealthAnswer), answer, is_quick=lambda _: True)
