"""Epochs: all that depends on the keys lies in one folder, and one pointer names the folder that counts.

Another pair of keys means another epoch, built beside the old one and made current by swapping the
pointer (`flows.rotate`). Layout 1 kept such folders in the root: they become the first epoch.
"""

import shutil
from pathlib import Path

from infra.errors import AimloopError
from infra.files import publish_text, sync, sync_tree

FOLDERS = ("keys", "raw", "warehouse", "profiles", "predictions")
FIRST = "0001"


def folder(root: Path, name: str) -> Path:
    return root / "epochs" / name


def current(root: Path) -> str:
    """The name of the epoch that counts; of a folder that nobody has opened yet, the first."""
    try:
        return (root / "epochs" / "current").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return FIRST


def is_settled(root: Path) -> bool:
    return (root / "epochs" / "current").exists()


def is_of_layout_1(root: Path) -> bool:
    return any((root / name).is_dir() for name in FOLDERS)


def settle(root: Path) -> None:
    """Make the first epoch, from the folders of layout 1 where they are. Cut short, it goes on when repeated.

    Raises:
        AimloopError: there are later epochs, and the pointer that says which one counts is gone.
    """
    if any(path.is_dir() and path.name != FIRST for path in (root / "epochs").glob("*")):
        raise AimloopError(
            f"{root / 'epochs' / 'current'} is missing, and there is more than one epoch",
            f"put it back: one line with the name of the newest folder in {root / 'epochs'}",
        )
    first = folder(root, FIRST)
    first.mkdir(parents=True, exist_ok=True)
    for name in FOLDERS:
        if (root / name).is_dir():
            (root / name).rename(first / name)
    switch(root, FIRST)


def start(root: Path) -> str:
    """An empty epoch after the current one; nobody reads it before ``switch``."""
    name = f"{int(current(root)) + 1:04d}"
    shutil.rmtree(folder(root, name), ignore_errors=True)
    for part in FOLDERS:
        (folder(root, name) / part).mkdir(parents=True)
    return name


def switch(root: Path, name: str) -> None:
    """Make an epoch the one that counts: before, readers see the old one whole, after it the new one."""
    sync_tree(folder(root, name))
    sync(root / "epochs")
    publish_text(root / "epochs" / "current", name + "\n")
    sync(root / "epochs")


def sweep(root: Path) -> None:
    """Remove epochs that do not count: what an interrupted rotation left. Only for who holds the state's lock."""
    if not is_settled(root):
        return
    kept = current(root)
    for path in (root / "epochs").iterdir():
        if path.is_dir() and path.name != kept:
            shutil.rmtree(path)
