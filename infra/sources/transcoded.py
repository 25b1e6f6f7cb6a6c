"""Texts in any encoding and with any line ends, read by DuckDB as UTF-8 with plain newlines while they stream.

DuckDB's own encodings lack many that companies use, read the newline of some (Big5) as another
letter, and its CSV reader refuses a file whose lines end in several ways. Nothing is written to
disk for it: the decoded text exists only in memory, a piece at a time.
"""

import codecs
import gzip
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from fsspec import AbstractFileSystem  # type: ignore[import-untyped]

PROTOCOL = "transcoded"
_PIECE = 1 << 20
_BYTES_PER_BYTE, _UNPACKED = 3, 1032  # the most that UTF-8 and gzip make of one
_NO_UTF_8 = b"\xff"  # makes the reader set aside the line that holds it


def transcoded(path: str, encoding: str) -> str:
    """How DuckDB is told to read a file so; the connection must know the protocol (`register`)."""
    return f"{PROTOCOL}://{encoding}{path}"


def register(connection: Any) -> None:
    if not connection.filesystem_is_registered(PROTOCOL):
        connection.register_filesystem(_Transcoded())


class _Transcoded(AbstractFileSystem):
    protocol = PROTOCOL
    cachable = False

    def _open(self, path: str, mode: str = "rb", **_: Any) -> "_Utf8":
        encoding, file = _parts(path)
        return _Utf8(file, encoding)

    def glob(self, path: str, **_: Any) -> list[str]:
        return [self._strip_protocol(path)]  # a file is named, whatever characters its name holds

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        file = _parts(path)[1]
        longest = _BYTES_PER_BYTE * (_UNPACKED if file.suffix.lower() == ".gz" else 1)
        return {
            "name": path,
            "type": "file",
            "size": longest * file.stat().st_size,
        }  # DuckDB reads no further than that

    def size(self, path: str) -> int:
        return int(self.info(path)["size"])

    def modified(self, path: str) -> datetime:
        return datetime.fromtimestamp(_parts(path)[1].stat().st_mtime, tz=UTC)


def _parts(path: str) -> tuple[str, Path]:
    encoding, _, file = path.removeprefix(f"{PROTOCOL}://").partition("/")
    return encoding, Path("/" + file)


class _Utf8(io.RawIOBase):
    """The file as UTF-8: bytes that are none in its encoding, and NULs, stay no UTF-8."""

    def __init__(self, path: Path, encoding: str) -> None:
        self._path, self._encoding = path, encoding
        self._start()

    def _start(self) -> None:
        self._file = opened(self._path)
        decoder = codecs.getincrementaldecoder(self._encoding)("surrogateescape")
        self._decoder = io.IncrementalNewlineDecoder(cast(Any, decoder), translate=True)
        self._ready, self._position, self._ended, self._begun = bytearray(), 0, False, False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET:
            raise OSError("how long the text is, is known only once it has been read")
        if position < self._position:
            self._file.close()
            self._start()
        while self._position < position and self.read(min(_PIECE, position - self._position)):
            pass
        return self._position

    def read(self, size: int = -1) -> bytes:
        while not self._ended and (size < 0 or len(self._ready) < size):
            raw = self._file.read(_PIECE)
            self._ended = not raw
            text = self._decoder.decode(raw, final=self._ended)
            if text and not self._begun:
                self._begun, text = True, text.removeprefix("\ufeff")
            self._ready += text.encode("utf-8", "surrogateescape").replace(b"\0", _NO_UTF_8)
        size = len(self._ready) if size < 0 else size
        taken = bytes(self._ready[:size])
        del self._ready[:size]
        self._position += len(taken)
        return taken

    def close(self) -> None:
        self._file.close()
        super().close()


def opened(path: Path) -> BinaryIO:
    """The bytes of a file, unpacked where it is a gzip file by its name."""
    return cast(BinaryIO, gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb"))
