"""Latency at a steady rate: requests leave at fixed times, whatever the server is doing.

Each is measured from when it should have left, so that those who must wait behind a slow one count too (Tene, "How NOT
to measure latency", 2013: coordinated omission). No packaged tool was good enough, decision 0032 says why.
"""

import gc
import select
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from tests.benchmarks.serving.servers import Server

CONNECTIONS = 8
WARM_UP_SECONDS = 2.0
LONGEST_SECONDS = 30.0


@dataclass(frozen=True)
class Paced:
    """Percentiles in milliseconds; ``late_ms`` is how late requests left that found a free connection (p99)."""

    p50_ms: float
    p99_ms: float
    p999_ms: float
    late_ms: float


class Connection:
    """One request at a time; ``due`` is when it should have left."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.due = 0.0
        self._received = b""

    def send(self, request: bytes, due: float) -> None:
        self.due, self._received = due, b""
        self.socket.sendall(request)

    def is_answered(self) -> bool:
        """Read what is there; True once the answer is whole.

        Raises:
            RuntimeError: it is not one of status 200 that says its length, or the server hung up.
        """
        read = self.socket.recv(262_144)
        self._received += read
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            if not read:
                raise RuntimeError("the server hung up")
            return False
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if not head.startswith(b"HTTP/1.1 200") or not length:
            raise RuntimeError(f"answered {self._received[:500]!r}")
        return len(body) >= int(length)


def pace(server: Server, per_second: float, seconds: float) -> Paced:
    """Ask a server's requests at a steady rate over ``CONNECTIONS`` connections, after a short warm-up."""
    requests = written(server)
    gc.collect()
    gc.disable()  # a collection here would count as the server's
    try:
        paced(server, requests, per_second, WARM_UP_SECONDS)
        latencies, late = paced(server, requests, per_second, seconds)
    finally:
        gc.enable()
    points = np.percentile(latencies, [50, 99, 99.9]) * 1000
    return Paced(*map(float, points), float(np.percentile(late, 99) * 1000))


def written(server: Server) -> list[bytes]:
    """A server's requests as they go over the wire."""
    where = urlsplit(server.url)
    head = f"POST {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Type: application/json\r\n"
    if server.authorization:
        head += f"Authorization: {server.authorization}\r\n"
    bodies = Path(server.bodies).read_bytes().splitlines()
    return [f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies]


def paced(
    server: Server, requests: Sequence[bytes], per_second: float, seconds: float
) -> tuple[list[float], list[float]]:
    """Seconds from when each request should have left to its answer, and how late those left that need not wait."""
    where = urlsplit(server.url)
    free = deque(Connection(str(where.hostname), where.port or 80) for _ in range(CONNECTIONS))
    connections = list(free)
    busy: dict[int, Connection] = {}
    latencies: list[float] = []
    late: list[float] = []
    sent, total = 0, int(per_second * seconds)
    began = time.perf_counter()
    while len(latencies) < total:
        due = began + sent / per_second
        now = time.perf_counter()
        if sent < total and now >= due and free:
            connection = free.popleft()
            connection.send(requests[sent % len(requests)], due)
            busy[connection.socket.fileno()] = connection
            if len(free) == CONNECTIONS - 1:
                late.append(now - due)
            sent += 1
            continue
        wait = max(due - now, 0.0) if free and sent < total else LONGEST_SECONDS
        readable = select.select(busy, [], [], wait)[0]
        if wait == LONGEST_SECONDS and not readable:
            raise RuntimeError(f"no answer within {LONGEST_SECONDS:g} s")
        for file in readable:
            if busy[file].is_answered():
                connection = busy.pop(file)
                latencies.append(time.perf_counter() - connection.due)
                free.append(connection)
    for connection in connections:
        connection.socket.close()
    return latencies, late
