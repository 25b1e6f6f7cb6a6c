"""The Bento as users serve it."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.conftest import Aimloop
from tests.services import free_port, issued_key, started


@contextmanager
def served(aimloop: Aimloop, *options: str) -> Iterator[httpx.Client]:
    """`aimloop serve` on a free port, until it is ready; its output goes into the state folder.

    The client sends a key of its own, which may ask for everything.
    """
    url, log = f"http://127.0.0.1:{(port := free_port())}", aimloop.state / "serve.log"
    command = aimloop.command("serve", "--port", str(port), *options)
    with (
        issued_key(aimloop.environ, f"tests {port}") as key,
        started(command, aimloop.environ, f"{url}/readyz", log),
        httpx.Client(base_url=url, timeout=30, headers={"Authorization": f"Bearer {key}"}) as client,
    ):
        yield client
