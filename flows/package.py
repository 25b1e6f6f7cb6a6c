"""Package: a Bento for each service and one for the front door, each with its champions and what else it needs."""

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prefect import flow, task

from flows.context import PROJECT, Cycle, open_cycle
from flows.import_closure import Closure, closure, pinned
from infra import registry
from infra.files import sync_tree
from models import catalog

FRONT_DOOR = "aimloop"
SERVICES = {  # Bento → service
    FRONT_DOOR: "bentos.services.front_door:FrontDoor",
    "aimloop-segment": "bentos.services.segment:Segment",
    "aimloop-ctr": "bentos.services.ctr:Ctr",
    "aimloop-churn": "bentos.services.churn:Churn",
    "aimloop-clv": "bentos.services.clv:Clv",
}
# Nothing imports them by name: pandas keeps texts in pyarrow, and uvicorn is twice as fast where it finds the others
_UNNAMED = ("pyarrow", "httptools", "uvloop")
_UNFINISHED = "packing"  # below BentoML's home


@flow(name="package")
def package(cycle_id: str) -> dict[str, Any]:
    """Build the Bentos of this cycle."""
    return build_bentos(cycle_id)


@task
def build_bentos(cycle_id: str) -> dict[str, Any]:
    return build(open_cycle(cycle_id))


def build(cycle: Cycle) -> dict[str, Any]:
    """Build all beside the store, then put them in place: each whole, in the stead of one of the same version."""
    champions = {name: tag for name in catalog.MODELS if (tag := cycle.door.ledger.champion(name))}
    home = cycle.door.state.bentoml
    unfinished = home / _UNFINISHED
    _clear(home)
    try:
        entries = _build_beside(unfinished, champions, cycle.id)
        sync_tree(unfinished)
        for name in entries:
            _put_in_place(unfinished / name, home / "bentos" / name, cycle.id)
    finally:
        _clear(home)
    bentos = {name: {"tag": f"{name}:{cycle.id}", "entry": entry} for name, entry in entries.items()}
    line = f"{len(bentos)} Bentos of {cycle.id} with {', '.join(champions) or 'no models yet'}"
    return {"line": line, "tag": bentos[FRONT_DOOR]["tag"], "bentos": bentos}


def _build_beside(store: Path, champions: dict[str, str], version: str) -> dict[str, str]:
    """Bentos in a store of their own; the name of the service that each starts with.

    All are built from one folder: BentoML imports each service from it, and Python imports a module once.
    """
    import bentoml
    from bentoml._internal.configuration.containers import BentoMLContainer

    store.mkdir(parents=True)
    beside = type(BentoMLContainer.bento_store.get())(store)
    needs = {name: needed(service, champions) for name, service in SERVICES.items()}
    entries = {}
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        _copy({file for found, _ in needs.values() for file in found.modules.values()}, context)
        for name, (found, own) in needs.items():
            registry.write_champions(context, own)
            bento = bentoml.build(
                SERVICES[name],
                name=name,
                version=version,
                build_ctx=str(context),
                include=[*(f"/{file.as_posix()}" for file in found.modules.values()), registry.CHAMPIONS_FILE],
                models=list(own.values()),
                python={"packages": pinned(found.others, _UNNAMED), "lock_packages": False},
                labels={"cycle": version},
                description="What aimloop's models say to applications; /docs.json describes it.",
                _bento_store=beside,
            )
            entries[name] = bento.info.entry_service
    return entries


def needed(service: str, champions: dict[str, str]) -> tuple[Closure, dict[str, str]]:
    """What a service imports, with the classes that its champions' pickles hold; and which champions are its own.

    A model is the service's own if the service imports it.
    """
    module = service.partition(":")[0]
    imported = closure(PROJECT, [module]).modules
    own = {name: tag for name, tag in champions.items() if f"models.{name}" in imported}
    held = set().union(*(registry.modules_of(tag) for tag in own.values()))
    return closure(PROJECT, [module, *sorted(held)]), own


def _copy(files: Iterable[Path], folder: Path) -> None:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / file, folder / file)


def _put_in_place(built: Path, store: Path, version: str) -> None:
    shutil.rmtree(store / version, ignore_errors=True)
    store.mkdir(parents=True, exist_ok=True)
    (built / version).rename(store / version)
    (built / "latest").replace(store / "latest")


def _clear(home: Path) -> None:
    """Remove what an interrupted run left: Bentos beside the store, and BentoML's own unfinished ones."""
    for left in (home / _UNFINISHED, *(home / "tmp").glob("bentoml_bento_*")):
        shutil.rmtree(left, ignore_errors=True)
