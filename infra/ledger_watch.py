"""Has anything been written to the ledger? A question that costs microseconds, for those who ask every second."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from infra.ledger import Ledger

T = TypeVar("T")


class LedgerWatch:
    """Sees commits of other connections, of this process and of others (sqlite.org, "PRAGMA data_version")."""

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None  # device and inode that the connection was opened on
        self._seen: int | None = None
        self._has_read = False

    @property
    def has_read(self) -> bool:
        """Has the ledger been read at least once?"""
        return self._has_read

    def if_changed(self, read: Callable[[Ledger], T]) -> T | None:
        """What is read of the ledger where something has been written since it was last read; None where nothing has.

        Raises:
            sqlite3.Error: the file is not there, or no ledger; so does what ``read`` raises, and then the next call
                reads again.
        """
        try:
            found_now = self._ledger.stat()
        except OSError as error:
            raise sqlite3.OperationalError(f"the ledger cannot be found: {error.strerror}") from error
        file = (found_now.st_dev, found_now.st_ino)
        if self._connection is None or self._file != file:  # put back from a copy: another file of that name
            if self._connection is not None:
                self._connection.close()
            uri = f"{self._ledger.absolute().as_uri()}?mode=ro"
            self._connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
            self._file, self._seen = file, None
        version = int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        if version == self._seen:
            return None
        with closing(Ledger(self._ledger)) as ledger:
            found = read(ledger)
        self._seen, self._has_read = version, True
        return found
