"""What a worker counts, for Prometheus. Workers share their counts through files in a folder that BentoML names."""

import os
from collections.abc import Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Counts:
    """Counters of this worker; ``text`` is what all of them have counted."""

    def __init__(self) -> None:
        own = self._own = CollectorRegistry()
        self._requests = Counter("aimloop_requests", "Requests.", ["endpoint", "status"], registry=own)
        self._seconds = Histogram(
            "aimloop_request_seconds", "From head to answer.", ["endpoint"], registry=own, buckets=SECONDS
        )
        self._predictions = Counter("aimloop_predictions", "Rows scored.", ["model", "variant"], registry=own)
        self._failures = Counter(
            "aimloop_challenger_failures",
            "Rows that a challenger could not answer, or not in time.",
            ["model", "kind"],
            registry=own,
        )
        self._lost = Gauge(
            "aimloop_prediction_log_lost_rows",
            "Rows that could not be written down.",
            registry=own,
            multiprocess_mode="livesum",
        )
        self._trouble = Gauge(
            "aimloop_trouble",
            "1 while something cannot be used.",
            ["what"],
            registry=own,
            multiprocess_mode="livemax",
        )
        self._version = Gauge(
            "aimloop_version_live",
            "1 for versions that answer.",
            ["model", "variant", "version"],
            registry=own,
            multiprocess_mode="livemax",
        )
        # children are looked up once: `labels` costs more than counting does
        self._of_endpoint: dict[str, Histogram] = {}
        self._of_request: dict[tuple[str, int], Counter] = {}
        self._of_variant: dict[tuple[str, str], Counter] = {}
        self._told: dict[tuple[str, str, str], Gauge] = {}

    def request(self, endpoint: str, status: int, seconds: float) -> None:
        """One request has been answered."""
        counter = self._of_request.get((endpoint, status))
        if counter is None:
            counter = self._of_request[endpoint, status] = self._requests.labels(endpoint, str(status))
        counter.inc()
        histogram = self._of_endpoint.get(endpoint)
        if histogram is None:
            histogram = self._of_endpoint[endpoint] = self._seconds.labels(endpoint)
        histogram.observe(seconds)

    def predictions(self, model: str, variant: str, rows: int) -> None:
        """So many rows have been scored."""
        counter = self._of_variant.get((model, variant))
        if counter is None:
            counter = self._of_variant[model, variant] = self._predictions.labels(model, variant)
        counter.inc(rows)

    def challenger_failed(self, model: str, kind: str, rows: int) -> None:
        """So many rows had to be answered by the champion instead, or in the shadow by nobody."""
        self._failures.labels(model, kind).inc(rows)

    def standing(self, lost_rows: int, troubles: Mapping[str, bool], versions: set[tuple[str, str, str]]) -> None:
        """How things are now: rows lost so far; by what, whether it cannot be used; model, variant and tag of each
        version that answers.
        """
        self._lost.set(lost_rows)
        for what, is_so in troubles.items():
            self._trouble.labels(what).set(is_so)
        for labels in versions - self._told.keys():
            self._told[labels] = self._version.labels(*labels)
        for labels, gauge in self._told.items():
            gauge.set(labels in versions)

    def text(self) -> bytes:
        """The counts of all workers, in Prometheus' text format; how things are, of those that live."""
        if FOLDER not in os.environ:
            return generate_latest(self._own)
        for file in Path(os.environ[FOLDER]).glob("gauge_live*_*.db"):
            pid = int(file.stem.rpartition("_")[2])
            if not _is_running(pid):
                mark_process_dead(pid)
        shared = CollectorRegistry()
        MultiProcessCollector(shared)
        return generate_latest(shared)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True
