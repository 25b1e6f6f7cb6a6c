"""The document says what the endpoints do."""

import json

import pytest

from bentos.openapi import document
from tests.unit.bentos.conftest import ENDPOINTS


@pytest.fixture(scope="module")
def told() -> dict:
    return json.loads(json.dumps(document(ENDPOINTS)))


def test_every_endpoint_has_its_shapes_its_role_and_its_refusals(told) -> None:
    assert set(told["paths"]) == {"/ctr", "/slow", "/new", "/metrics"}
    operation = told["paths"]["/new"]["post"]
    assert operation["summary"] == "Says what came through."
    assert "`admin`" in operation["description"]
    assert operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/Question")
    assert operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/Echo")
    assert {"400", "401", "403", "413", "422", "429", "500", "503"} <= set(operation["responses"])


def test_what_has_no_body_is_not_refused_for_one(told) -> None:
    operation = told["paths"]["/metrics"]["get"]
    assert "requestBody" not in operation
    assert not {"400", "413", "422"} & set(operation["responses"])
    assert list(operation["responses"]["200"]["content"]) == ["text/plain"]


def test_every_reference_leads_somewhere(told) -> None:
    def references(value: object) -> set[str]:
        if isinstance(value, dict):
            here = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return here.union(*(references(part) for part in value.values()))
        return set().union(*(references(part) for part in value)) if isinstance(value, list) else set()

    found = references(told)
    assert found
    assert {name.rsplit("/", 1)[1] for name in found} <= set(told["components"]["schemas"])
