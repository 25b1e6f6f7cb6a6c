"""Small file work that more than one room needs: replaced whole, on the disk for certain, told apart by their bytes."""

import hashlib
import os
from pathlib import Path


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
