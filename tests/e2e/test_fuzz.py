"""Requests that nobody would write, made from the document: none is answered in a way that the document does not tell.

`make bench ONLY=serving.fuzz` sends ten thousand.
"""

import httpx

from tests.benchmarks.serving.fuzz import fuzzed


def test_whatever_is_asked_is_answered_as_the_document_tells(service: httpx.Client) -> None:
    done = fuzzed(str(service.base_url), service.headers["Authorization"], most_examples=15)
    assert done.failures == [], done.report
    assert done.cases > 500
