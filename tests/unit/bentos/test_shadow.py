"""The shadow: jobs are done in order, failures and overflow are counted, nobody waits."""

import threading

from bentos import shadow
from bentos.shadow import Shadow


def fail() -> None:
    raise ZeroDivisionError


def test_jobs_are_done_in_order_and_close_waits_for_them() -> None:
    done: list[int] = []
    working = Shadow()
    for number in range(50):
        working.submit(1, lambda number=number: done.append(number))
    working.close()
    assert done == list(range(50))
    assert working.lost == 0


def test_a_job_that_fails_is_counted_and_the_next_is_done() -> None:
    done: list[str] = []
    working = Shadow()
    working.submit(3, fail)
    working.submit(1, lambda: done.append("next"))
    assert working.is_alive
    working.close()
    assert (working.lost, done) == (3, ["next"])


def test_what_comes_while_too_many_wait_is_lost_and_counted(monkeypatch) -> None:
    monkeypatch.setattr(shadow, "MOST_WAITING", 2)
    begun, go_on = threading.Event(), threading.Event()
    working = Shadow()
    working.submit(1, lambda: (begun.set(), go_on.wait()))
    begun.wait()
    for _ in range(5):
        working.submit(10, lambda: None)
    assert working.lost == 30
    go_on.set()
    working.close()
    assert working.lost == 30
