"""The Bento as users serve it."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.conftest import Aimloop


@contextmanager
def served(aimloop: Aimloop, *options: str) -> Iterator[httpx.Client]:
    """`aimloop serve` on a free port, until it is ready; its output goes into the state folder.

    The client sends a key of its own, which may ask for everything.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    issued = aimloop("keys", "issue", f"tests {port}", "--role", "admin", "--json")
    key = json.loads(issued.stdout)["key"]
    process = aimloop.start("serve", "--port", str(port), *options)
    try:
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, headers=headers) as client:
            deadline = time.monotonic() + 60
            while True:
                try:
                    client.get("/readyz").raise_for_status()
                    break
                except httpx.HTTPError:
                    assert time.monotonic() < deadline, "the service did not get ready"
                    assert process.poll() is None, process.communicate()
                    time.sleep(0.2)
            yield client
    finally:
        process.terminate()
        out, err = process.communicate(timeout=60)
        (aimloop.state / "serve.log").write_text(out + err, encoding="utf-8")
