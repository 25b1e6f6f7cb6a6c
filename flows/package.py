"""Package: one Bento with every service and the champions inside."""

import shutil
import tempfile
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from prefect import flow, task

from flows.context import PROJECT, Cycle, open_cycle
from infra import registry
from models import catalog

BENTO = "aimloop"
SERVICE = "bentos.front_door:FrontDoor"
_FOLDERS = ("bentos", "infra", "models")
_REQUIREMENTS = (
    *("bentoml", "filelock", "joblib", "kneed", "lightgbm", "numpy", "orjson", "pandas", "pandera"),
    *("pyarrow", "pydantic", "redis", "scikit-learn", "scipy", "sqlalchemy", "starlette", "threadpoolctl"),
)


@flow(name="package")
def package(cycle_id: str) -> dict[str, Any]:
    """Build the Bento of this cycle's champions."""
    return build_bento(cycle_id)


@task
def build_bento(cycle_id: str) -> dict[str, Any]:
    return build(open_cycle(cycle_id))


def build(cycle: Cycle) -> dict[str, Any]:
    """Build from a folder that holds only what the services need; a Bento of the same version is replaced."""
    import bentoml

    champions = {name: tag for name in catalog.MODELS if (tag := cycle.door.ledger.champion(name))}
    tag = f"{BENTO}:{cycle.id}"
    with suppress(bentoml.exceptions.NotFound):  # an interrupted run may have left one
        bentoml.bentos.delete(tag)
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        for name in _FOLDERS:
            ignored = shutil.ignore_patterns("__pycache__", "sources")
            shutil.copytree(PROJECT / name, context / name, ignore=ignored)
        registry.write_champions(context, champions)
        bento = bentoml.build(
            SERVICE,
            name=BENTO,
            version=cycle.id,
            build_ctx=str(context),
            include=["**/*.py", registry.CHAMPIONS_FILE],
            models=list(champions.values()),
            python={"packages": [f"{name}=={version(name)}" for name in _REQUIREMENTS], "lock_packages": False},
            labels={"cycle": cycle.id},
            description="Segments, click probabilities, churn risks and expected revenue of customers.",
        )
    return {"line": f"{bento.tag} with {', '.join(champions) or 'no models yet'}", "tag": str(bento.tag)}
