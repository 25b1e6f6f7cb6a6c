"""Files with people's data that leave the system: for their owner alone, whole or not at all."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from infra.errors import AimloopError

# A spreadsheet takes a cell that starts so for a formula (owasp.org, "CSV Injection"); a sign before nothing
# but digits and blanks, as in +49 170 1234567, computes nothing and stays.
_FORMULA = r"^(?=[=+\-@\t\r])(?![+-][\d ]+$)"


def encoded(frame: pd.DataFrame, kind: str) -> bytes:
    """The frame as ``csv`` (UTF-8, texts that a spreadsheet would compute behind a ') or as ``parquet``."""
    if kind == "parquet":
        buffer = io.BytesIO()
        frame.to_parquet(buffer, index=False)
        return buffer.getvalue()
    texts = frame.select_dtypes(["object", "string"])
    safe = texts.apply(lambda column: column.astype("string").str.replace(_FORMULA, "'", regex=True))
    return frame.assign(**safe).to_csv(index=False).encode()


def refuse_overwriting(path: Path, *, replace: bool) -> None:
    """Raises:
    AimloopError: the path cannot be written, or holds something and ``replace`` is not set.
    """
    if path.is_dir() or not path.parent.is_dir():
        wrong = path if path.is_dir() else path.parent
        raise AimloopError(
            f"{wrong} is {'a folder' if path.is_dir() else 'no folder'}", "name a file in a folder that is there"
        )
    if path.exists() and not replace:
        raise AimloopError(f"{path} is there already", "name another file, or overwrite it with --force")


@contextmanager
def written(path: Path, content: bytes, *, replace: bool) -> Iterator[None]:
    """Write ``content`` beside ``path``; it takes its place when the block ends well, and is gone when not."""
    refuse_overwriting(path, replace=replace)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.fresh")
    try:
        _write(fresh, content)
        yield
        refuse_overwriting(path, replace=replace)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise AimloopError(f"{path.parent} cannot be written to: {error.strerror}", "name a file elsewhere") from None
