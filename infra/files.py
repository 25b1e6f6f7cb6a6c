"""Small file work that more than one room needs: replaced whole, on the disk for certain, told apart by their bytes."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

_SOURCES = {".py", ".sql", ".yml", ".csv"}


def publish_text(path: Path, text: str) -> None:
    """Replace a small file in one atomic step: readers see the old text or the new, never half."""
    fresh = path.with_name(path.name + ".fresh")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def sync(path: Path) -> None:
    """Return when what a file holds, or which files a folder holds, has reached the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """``sync`` for a folder and everything below it."""
    for path in (*folder.rglob("*"), folder):
        sync(path)


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_database(path: Path) -> None:
    """Remove a database file and what its engine keeps beside it."""
    for suffix in ("", ".wal", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def sources_sha256(folders: Iterable[Path]) -> str:
    """SHA-256 over names and bytes of the source files in folders, what dbt made (``target``) left out."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix in _SOURCES and "target" not in path.parts:
                digest.update(path.relative_to(folder.parent).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()
