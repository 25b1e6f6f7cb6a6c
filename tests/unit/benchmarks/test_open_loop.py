"""A request that must wait behind a slow one is measured from when it should have left."""

import socketserver
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.serving import open_loop
from tests.benchmarks.serving.servers import Server


class Slow(socketserver.StreamRequestHandler):
    """Answers at once, but for one request in the middle that stops everything for a while."""

    asked = 0
    alone = threading.Lock()

    def handle(self) -> None:
        while self.rfile.readline():
            while self.rfile.readline().strip():
                pass
            with Slow.alone:
                Slow.asked += 1
                time.sleep(0.2 if Slow.asked == 50 else 0)
            self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "bodies").write_text("\n", encoding="utf-8")  # one empty body
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Slow) as listening:
        listening.daemon_threads = True
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield Server("slow", f"http://127.0.0.1:{listening.server_address[1]}/", tmp_path / "bodies", 0)
        listening.shutdown()


def test_waiting_counts(server: Server) -> None:
    latencies, _ = open_loop.paced(server, open_loop.written(server), per_second=200, seconds=1)
    assert len(latencies) == 200
    # 0.2 s of 200 a second: some 40 wait, and each waits from its own turn; only 8 were on the way
    assert 20 <= sum(latency > 0.05 for latency in latencies) <= 60
