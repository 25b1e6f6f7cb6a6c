"""The state folder of a replay: below the real one, with keys, ledger and settings of its own.

Nothing of it reaches the real one, and nobody outside hears of it: no alerts, profiles in files, services for this
machine alone. Its keys are made from the real ones, so that the same data under the same keys give the same replay, and
lie where those lie, in files or in the environment.
"""

import hashlib
import hmac
import json
import shutil
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from flows.context import Door, code_fingerprint
from flows.replay.pieces import Pieces
from flows.replay.plan import Plan
from infra.erasing import replays
from infra.errors import AimloopError
from infra.files import publish_text
from infra.keys import PARTS, write_key
from infra.settings import Settings
from infra.sources import catalog as sources
from infra.state import State

FOLDER = "replay"  # what the replay itself writes, below its state folder
_PLAN = "plan.json"
QUIET = {
    "AIMLOOP_ALERTS__BLOCKS": "",  # nobody is woken by what happened then
    "AIMLOOP_SERVICES__WORKERS": "1",
    "AIMLOOP_SERVICES__PROFILE_STORE": "sqlite",
    "AIMLOOP_SERVICES__STALE_AFTER_DAYS": "36500",  # the clock of the services runs today, that of cycles does not
    # what is decided must not hang on how busy this machine is; what fails otherwise fails here too
    "AIMLOOP_SERVICES__CHALLENGER_TIMEOUT_MS": "60000",
    "AIMLOOP_EXPERIMENTS__GATE_ROW_MS": "60000",
}


def folder_of(door: Door, plan: Plan) -> Path:
    return door.state.replays / plan.name


def begin(door: Door, plan: Plan, *, anew: bool = False) -> Path:
    """The replay's state folder, made where it is not there yet; the caller holds the replays of the real one.

    Raises:
        AimloopError: what is there was begun with other data, settings or code, or as another plan.
    """
    folder = folder_of(door, plan)
    if anew:
        replays.drop(folder)
    identity = {"plan": plan.facts()} | _identity(door)
    if (folder / FOLDER / _PLAN).exists():
        is_finished = Pieces(folder / FOLDER).results_of(len(plan.blocks())) is not None
        _refuse_another(folder, {"plan": plan.facts()} if is_finished else identity)  # a report is read by any code
        return folder
    replays.drop(folder)  # cut short before its plan was written
    state = State(folder).open()
    for part in PARTS:
        if not _is_given(door.settings, part):
            write_key(state.keys / f"{part}.key", _key(door, part, plan.name))
    if door.state.erasure.exists():  # who is erased stays out
        state.erasure.mkdir()
        for name in ("tombstones.json", "tombstone.key"):
            if (door.state.erasure / name).exists():
                shutil.copy(door.state.erasure / name, state.erasure)
    (folder / FOLDER).mkdir()
    publish_text(folder / FOLDER / _PLAN, json.dumps(identity, indent=2) + "\n")
    return folder


def enter(door: Door, plan: Plan, folder: Path, environ: MutableMapping[str, str]) -> None:
    """Let every door that this process and its children open from now on be the replay's."""
    for part in (*PARTS, "tombstone"):
        environ.pop(f"AIMLOOP_NEW_{part.upper()}_KEY", None)
    for part in PARTS:
        if _is_given(door.settings, part):
            environ[f"AIMLOOP_{part.upper()}_KEY"] = _key(door, part, plan.name)
    environ.pop("AIMLOOP_AS_OF", None)
    environ.update(QUIET)
    environ["AIMLOOP_STATE"] = str(folder)
    environ["AIMLOOP_SOURCE"] = plan.source
    if plan.injections:
        environ["AIMLOOP_SOURCE_FOLDER"] = str(source_folder(folder))
    State(folder).set_homes(environ)


def source_folder(folder: Path) -> Path:
    """Where the data lie in which changes are planted."""
    return folder / FOLDER / "source"


def _identity(door: Door) -> dict[str, Any]:
    source = sources.find(door.settings.source).fingerprint(door.settings)
    loop = door.settings.model_dump(mode="json", include={"drift", "experiments"})
    return {"data": source, "settings": door.settings.meaning() | loop, "code": code_fingerprint()}


def _refuse_another(folder: Path, identity: dict[str, Any]) -> None:
    there = json.loads((folder / FOLDER / _PLAN).read_text(encoding="utf-8"))
    other = [part for part, value in identity.items() if there.get(part) != value]
    if other:
        raise AimloopError(
            f"the replay {folder.name} was begun with another {' and another '.join(other)}",
            "`--anew` drops it and begins again; `--name` keeps it and begins another",
        )


def _is_given(settings: Settings, part: str) -> bool:
    return getattr(settings, f"{part}_key") is not None


def _key(door: Door, part: str, name: str) -> str:
    """Made from the real one (HMAC-SHA256), from which nobody finds it: who has the replay's key has no other."""
    real = door.keys.storage.encode() if part == "storage" else door.keys.pseudonym
    return hmac.digest(real, f"aimloop replay {name}".encode(), hashlib.sha256).hex()
