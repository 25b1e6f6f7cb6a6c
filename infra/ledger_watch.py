"""Has anything been written to the ledger? A question that costs microseconds, for those who ask every second."""

import sqlite3
from pathlib import Path


class LedgerWatch:
    """Sees commits of other connections, of this process and of others (sqlite.org, "PRAGMA data_version")."""

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self._connection: sqlite3.Connection | None = None

    def version(self) -> int:
        """A number that is another one once something has been written.

        Raises:
            sqlite3.Error: the file is not there, or no ledger.
        """
        if self._connection is None:
            uri = f"{self._ledger.absolute().as_uri()}?mode=ro"
            self._connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])
