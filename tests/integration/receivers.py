"""Whoever is told: a webhook receiver and a mail server on this machine, as odd as a test wants them."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.services import free_port


@dataclass
class Receiver:
    """What was posted to it; it answers with ``status``, after ``seconds``."""

    url: str = ""
    status: int = 200
    seconds: float = 0.0
    documents: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def webhook() -> Iterator[Receiver]:
    """A receiver on a port of its own, until the block ends."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(receiver.seconds)
            if receiver.status == 200:
                receiver.documents.append(json.loads(body))
                receiver.headers.append(dict(self.headers))
            self.send_response(receiver.status)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Mailbox:
    """Mail that a server took; who may sign in, and with what."""

    port: int = 0
    user: str = "pager"
    password: str = "a-secret-of-mail"
    refuses: str | None = None
    mails: list[tuple[list[str], Message]] = field(default_factory=list)
    signed_in: list[str] = field(default_factory=list)


@contextmanager
def mail_server(certificate: Any | None = None, *, asks: bool = False) -> Iterator[Mailbox]:
    """An SMTP server on a port of its own; with a ``certificate`` (an SSL context) it offers STARTTLS."""
    pytest.importorskip("aiosmtpd", reason="pip install aiosmtpd")
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult

    box = Mailbox()

    class Handler:
        async def handle_RCPT(self, _: Any, __: Any, envelope: Any, address: str, ___: Any) -> str:  # noqa: N802
            if address == box.refuses:
                return "550 nobody of that name"
            envelope.rcpt_tos.append(address)
            return "250 OK"

        async def handle_DATA(self, _: Any, __: Any, envelope: Any) -> str:  # noqa: N802
            box.mails.append((envelope.rcpt_tos, message_from_bytes(envelope.content)))
            return "250 taken"

    def is_right(_: Any, __: Any, ___: Any, ____: str, given: Any) -> Any:
        box.signed_in.append(given.login.decode())
        is_known = (given.login.decode(), given.password.decode()) == (box.user, box.password)
        return AuthResult(success=is_known, handled=False)

    controller = Controller(
        Handler(),
        hostname="127.0.0.1",
        port=free_port(),
        tls_context=certificate,
        require_starttls=certificate is not None,
        authenticator=is_right if asks else None,
        auth_required=asks,
        auth_require_tls=certificate is not None,
    )
    controller.start()
    box.port = controller.port
    try:
        yield box
    finally:
        controller.stop()
