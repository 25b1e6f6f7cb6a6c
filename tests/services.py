"""Servers that tests, load and benchmarks start and end, and keys for them."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

AIMLOOP = str(Path(sys.executable).with_name("aimloop"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def started(
    command: Sequence[str], environ: Mapping[str, str], ready: str, log: Path, folder: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A server until the block ends, from when ``ready`` (a URL) answers with 200; what it says goes into ``log``.

    Raises:
        RuntimeError: it ended, or did not get ready within two minutes; with what it said.
    """
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=dict(environ), stdout=out, stderr=subprocess.STDOUT, cwd=folder)
    try:
        deadline = time.monotonic() + 120
        while not is_ready(ready):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{' '.join(command)} did not get ready:\n{log.read_text(encoding='utf-8')}")
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


def is_ready(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


@contextmanager
def issued_key(environ: Mapping[str, str], name: str, role: str = "admin") -> Iterator[str]:
    """A key of that role for as many requests as one likes, revoked when the block ends."""
    asked = ["keys", "issue", name, "--role", role, "--requests-per-second", "1000000", "--json"]
    issued = json.loads(_aimloop(asked, environ))
    try:
        yield issued["key"]
    finally:
        _aimloop(["keys", "revoke", issued["id"]], environ)


def _aimloop(arguments: list[str], environ: Mapping[str, str]) -> str:
    return subprocess.run(
        [AIMLOOP, *arguments], env=dict(environ), stdout=subprocess.PIPE, text=True, check=True
    ).stdout
