"""Compressed files that lie about their size, or end before their end."""

import gzip
import zipfile
import zlib
from pathlib import Path

from infra.errors import AimloopError

_EXPANSION_LIMIT = 200
_ALLOWED_BYTES = 1 << 30
_CHUNK = 1 << 20


def refuse_bombs_and_stumps(path: str) -> None:
    """Refuse a gzip or Excel file that expands beyond all measure, that was cut short, or that is none.

    DuckDB takes the rows of a gzip or Excel file that was cut short as if it were whole, so that both
    are looked through here: that checks length and checksum.

    Raises:
        AimloopError: it is one of those.
    """
    file = Path(path)
    limit = max(_EXPANSION_LIMIT * file.stat().st_size, _ALLOWED_BYTES)
    size = 0
    if path.lower().endswith(".gz"):
        size = _unpacked_bytes(file, limit)
    elif path.lower().endswith(".xlsx"):
        size = _declared_bytes(file)
    if size > limit:
        raise AimloopError(
            f"{path} would expand more than {_EXPANSION_LIMIT}-fold, to over {limit >> 30} GiB",
            "that is a zip bomb, not an export; if you trust it, unpack it yourself",
        )


def _unpacked_bytes(file: Path, limit: int) -> int:
    """Length of a gzip file unpacked; counting stops where it is absurd."""
    size = 0
    try:
        with gzip.open(file) as unpacked:
            while size <= limit and (chunk := unpacked.read(_CHUNK)):
                size += len(chunk)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise AimloopError(f"{file} is cut short or damaged", "copy it again from where it was written") from None
    return size


def _declared_bytes(file: Path) -> int:
    """Length of a zip file unpacked, as its directory says, which stands at its very end."""
    try:
        with zipfile.ZipFile(file) as archive:
            size = sum(member.file_size for member in archive.infolist())
            if size <= _ALLOWED_BYTES and archive.testzip() is not None:
                raise zipfile.BadZipFile
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError):
        raise AimloopError(f"{file} is no whole Excel file", "save it again as .xlsx, unlocked") from None
    return size
