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
        self._seen: int | None = None

    @property
    def has_read(self) -> bool:
        """Has the ledger been read at least once?"""
        return self._seen is not None

    def if_changed(self, read: Callable[[Ledger], T]) -> T | None:
        """What is read of the ledger where something has been written since it was last read; None where nothing has.

        Raises:
            sqlite3.Error: the file is not there, or no ledger; so does what ``read`` raises, and then the next call
                reads again.
        """
        if self._connection is None:
            uri = f"{self._ledger.absolute().as_uri()}?mode=ro"
            self._connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
        version = int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        if version == self._seen:
            return None
        with closing(Ledger(self._ledger)) as ledger:
            found = read(ledger)
        self._seen = version
        return found
