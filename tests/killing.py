"""`kill -9` at a chosen moment: a process of its own does the work and ends itself in the middle of it.

The moments are Python's audit events (sys.addaudithook): a file or folder is renamed, removed, made or
opened for writing. Nothing of this is in the code that is tested.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flows.forget import forget
from flows.rotate import rotate
from infra.keys import PARTS
from tests.small_state import ANN, land_log, open_door

Act = Callable[[Path], None]

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(["tests.killing"])


def rotate_keys(folder: Path) -> None:
    door = open_door(folder)
    with door.state.lock():
        rotate(door, PARTS)


def forget_ann(folder: Path) -> None:
    door = open_door(folder)
    with door.state.lock():
        forget(door, [ANN])


def land_what_waits(folder: Path) -> None:
    door = open_door(folder)
    with door.state.lock():
        land_log(door)


def moments(act: Act, folder: Path) -> int:
    """Do ``act`` undisturbed; how many moments it has."""
    killed, passed = _run(act, folder, 0)
    assert not killed
    return passed


def kill(act: Act, folder: Path, moment: int) -> None:
    """Do ``act`` and kill it at its n-th moment."""
    killed, _ = _run(act, folder, moment)
    assert killed


def _run(act: Act, folder: Path, moment: int) -> tuple[bool, int]:
    passed = _server.Value("i", 0)
    process = _server.Process(target=_watched, args=(act, folder, moment, passed))
    process.start()
    process.join(120)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode == -signal.SIGKILL, passed.value


def _watched(act: Act, folder: Path, moment: int, passed: Any) -> None:
    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        changes = event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "sqlite3.connect")
        writes = event == "open" and arguments[1] in ("w", "wb")
        if (changes or writes) and str(arguments[0]).startswith(str(folder)):
            passed.value += 1
            if passed.value == moment:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    act(folder)
