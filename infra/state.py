"""The state folder: where everything lives, who may write it, and which version of its layout it has."""

import errno
import re
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from infra import epochs
from infra.errors import AimloopError
from infra.files import publish_text

LAYOUT_VERSION = 2

TELEMETRY_OFF = {
    "DO_NOT_TRACK": "1",
    "BENTOML_DO_NOT_TRACK": "True",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
}


class Busy(AimloopError):
    """Another process has the right to write."""


@dataclass(frozen=True)
class State:
    """Paths below one root; ``rm -rf`` of the root is a full reset.

    What depends on the keys lies in an epoch: the one that counts when a path is asked for, or, of a
    ``pinned`` state, always the same.
    """

    root: Path
    epoch: str | None = None

    def pinned(self, epoch: str | None = None) -> "State":
        """The same folder as one epoch sees it: the given one, or the one that counts now."""
        return replace(self, epoch=epoch or epochs.current(self.root))

    @property
    def epoch_folder(self) -> Path:
        return epochs.folder(self.root, self.epoch or epochs.current(self.root))

    @property
    def keys(self) -> Path:
        return self.epoch_folder / "keys"

    @property
    def raw_zone(self) -> Path:
        return self.epoch_folder / "raw" / "zone.duckdb"

    @property
    def warehouse(self) -> Path:
        return self.epoch_folder / "warehouse"

    @property
    def profiles(self) -> Path:
        return self.epoch_folder / "profiles"

    @property
    def predictions(self) -> Path:
        """Where services log what they answered."""
        return self.epoch_folder / "predictions"

    @property
    def log_zone(self) -> Path:
        """Where that log and what came of it are landed."""
        return self.epoch_folder / "raw" / "log.duckdb"

    @property
    def outcomes(self) -> Path:
        return self.root / "outcomes.sqlite"

    @property
    def redis_name(self) -> Path:
        """Holds what this folder is called in Redis, once profiles have been published there."""
        return self.root / "redis.name"

    @property
    def erasure(self) -> Path:
        return self.root / "erasure"

    @property
    def replays(self) -> Path:
        """Where replays keep state folders of their own, one each (`flows.replay`)."""
        return self.root / "replays"

    @property
    def certificates(self) -> Path:
        return self.root / "certificates"

    @property
    def ledger(self) -> Path:
        return self.root / "ledger.sqlite"

    @property
    def dbt(self) -> Path:
        return self.root / "dbt"

    @property
    def bentoml(self) -> Path:
        return self.root / "bentoml"

    @property
    def prefect(self) -> Path:
        return self.root / "prefect"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def cards(self) -> Path:
        return self.root / "cards"

    def open(self) -> "State":
        """Make the folder, or check that this code understands the one that is there.

        Raises:
            AimloopError: read-only or full disk, or a layout written by other code.
        """
        version_file = self.root / "VERSION"
        another = "choose another folder with AIMLOOP_STATE"
        if self.root.exists() and not self.root.is_dir():
            raise AimloopError(f"{self.root} is a file, not a state folder", another)
        with explained_disk_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            if not version_file.exists() and _holds_other_things(self.root):
                raise AimloopError(f"{self.root} holds other things than aimloop's state", another)
            if not version_file.exists():
                self.root.chmod(0o700)
            if not version_file.exists():
                publish_text(version_file, f"{LAYOUT_VERSION}\n")
            self._check_layout(_version(version_file))
            self._migrate(version_file)
            for folder in (self.keys, self.raw_zone.parent, self.warehouse, self.profiles, self.predictions):
                folder.mkdir(exist_ok=True)
            for folder in (self.dbt, self.bentoml, self.prefect, self.reports, self.cards):
                folder.mkdir(exist_ok=True)
            probe = self.root / ".probe"
            probe.write_bytes(b"\0" * 65536)
            probe.unlink()
        return self

    def _migrate(self, version_file: Path) -> None:
        """From layout 1 to 2, and from nothing to 2. The version goes first: from then on older code keeps away."""
        if _version(version_file) == "1" or (not epochs.is_settled(self.root) and epochs.is_of_layout_1(self.root)):
            with self.lock():
                publish_text(version_file, f"{LAYOUT_VERSION}\n")
                if not epochs.is_settled(self.root):
                    epochs.settle(self.root)
        elif not epochs.is_settled(self.root):
            epochs.settle(self.root)

    def _check_layout(self, found: str) -> None:
        if found in ("1", str(LAYOUT_VERSION)):
            return
        if found.isdecimal() and found.isascii() and int(found) > LAYOUT_VERSION:
            remedy = "update aimloop, or choose another folder with AIMLOOP_STATE"
        else:
            remedy = f"move {self.root} away and run again; this code cannot migrate that layout"
        raise AimloopError(
            f"{self.root} has layout version '{found}', this code writes version {LAYOUT_VERSION}", remedy
        )

    def set_homes(self, environ: MutableMapping[str, str]) -> None:
        """Point BentoML and Prefect here and switch telemetry off; doors call it before importing either."""
        environ.update(TELEMETRY_OFF)
        # threads that spin for long while they wait starve a busy machine, and those that sleep at once lose a third
        environ.setdefault("GOMP_SPINCOUNT", "1000")
        environ.setdefault("MPLCONFIGDIR", str(self.root / "matplotlib"))  # its list of fonts
        environ["BENTOML_HOME"] = str(self.bentoml)
        environ["PREFECT_HOME"] = str(self.prefect)

    @contextmanager
    def lock(self, patience_seconds: float = 0) -> Iterator[None]:
        """Hold the right to write for one cycle; the system frees it when the process dies.

        Whoever gets it clears away what an interrupted rotation of the keys left.

        Raises:
            Busy: another process holds it, and has not let it go within ``patience_seconds``.
        """
        lock = FileLock(self.root / "lock")
        try:
            lock.acquire(timeout=patience_seconds)
        except Timeout:
            raise Busy(
                f"another cycle is running in {self.root}",
                "wait for it to end (`aimloop status` shows its steps), or choose another folder with AIMLOOP_STATE",
            ) from None
        try:
            epochs.sweep(self.root)
            yield
        finally:
            lock.release()


def _holds_other_things(folder: Path) -> bool:
    """A new volume has lost+found, a run cut short at its very start VERSION.fresh; BentoML may have made its home."""
    return any(path.name not in ("VERSION.fresh", "lost+found", "bentoml") for path in folder.iterdir())


def _version(file: Path) -> str:
    return file.read_bytes().decode(errors="replace").strip()


_FULL = re.compile(r"no space left|disk is full|disk full|errno 28\b|ENOSPC", re.IGNORECASE)
_READ_ONLY = re.compile(r"read-only file system|readonly database|permission denied", re.IGNORECASE)


def disk_trouble(error: BaseException, where: Path) -> AimloopError | None:
    """What to tell people when a disk is full or read-only; None when the error is another one.

    Databases report these conditions in words of their own, so the text is read as well as ``errno``.
    """
    code = getattr(error, "errno", None)
    if code == errno.ENOSPC or _FULL.search(str(error)):
        return AimloopError(
            f"the disk that holds {where} is full",
            "free some space or choose another folder with AIMLOOP_STATE, then run again: finished steps are kept",
        )
    if code in (errno.EROFS, errno.EACCES, errno.EPERM) or _READ_ONLY.search(str(error)):
        return AimloopError(
            f"{where} cannot be written: {error}", "make it writable, or choose another folder with AIMLOOP_STATE"
        )
    return None


@contextmanager
def explained_disk_errors(where: Path) -> Iterator[None]:
    """Turn the many ways in which libraries say "disk full" or "read-only" into one clear error."""
    try:
        yield
    except AimloopError:
        raise
    except Exception as error:
        explained = disk_trouble(error, where)
        if explained is None:
            raise
        raise explained from error
