"""Child processes that end when we do, however we end.

Each runs under a small watcher that reads its own standard input: when this process dies, even by
``kill -9``, that pipe closes and the watcher ends the child. (Linux and macOS alike.)
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO

PATIENCE_SECONDS = 15


def start(command: Sequence[str], out: IO[str], environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a command in a session of its own (Ctrl-C is for us); its output goes to ``out``."""
    return subprocess.Popen(
        [sys.executable, __file__, *command],
        stdin=subprocess.PIPE,
        stdout=out,
        stderr=subprocess.STDOUT,
        env=dict(environ),
        start_new_session=True,
    )


def stop(child: subprocess.Popen[bytes]) -> None:
    """Let the watcher end the child, and wait for it."""
    assert child.stdin is not None
    child.stdin.close()
    child.wait(timeout=2 * PATIENCE_SECONDS)


def _watch(command: Sequence[str]) -> None:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    sys.stdin.buffer.read()
    child.terminate()
    try:
        child.wait(timeout=PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()


if __name__ == "__main__":
    _watch(sys.argv[1:])
