"""The document that describes the endpoints (OpenAPI 3.1), from their requests and answers."""

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from bentos.endpoint import Endpoint
from bentos.shapes import Error

_REFUSALS = {
    400: "The body is no JSON, or was cut short.",
    401: "No key, or one that is not valid.",
    403: "The key lacks the role.",
    404: "There is no such model, plan or path.",
    405: "The path is asked with another method.",
    408: "The body did not come.",
    409: "An outcome with that id says something else.",
    413: "The body is too long.",
    422: "A field does not fit; the error names it.",
    429: "More requests a second than the key may ask.",
    500: "Something went wrong here.",
    503: "There are no profiles, a version cannot be loaded, or too many long requests wait.",
}
_OF_A_BODY = {400, 408, 413, 422}
_SAID = {"X-Request-Id": {"schema": {"type": "string"}, "description": "The one that came, or a new one."}}


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Paths, schemas, examples, roles and refusals of the endpoints."""
    error = TypeAdapter[Any](Error)
    inputs: list[tuple[Any, JsonSchemaMode, TypeAdapter[Any]]] = [(Error, "serialization", error)]
    for endpoint in endpoints:
        inputs.append(((_id(endpoint), "answer"), "serialization", endpoint.answer))
        if endpoint.request is not None:
            inputs.append(((_id(endpoint), "request"), "validation", endpoint.request))
    schemas, definitions = TypeAdapter.json_schemas(inputs, ref_template="#/components/schemas/{model}")
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        told = _operation(endpoint, schemas, schemas[Error, "serialization"])
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = told
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "aimloop",
            "version": "1",
            "description": "Decisions about customers, by the company's own customer ids. Each endpoint asks for a key "
            "with a role (`aimloop keys issue`), sent as `Authorization: Bearer <key>`.",
        },
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}],
    }


def _id(endpoint: Endpoint) -> str:
    return f"{endpoint.method.lower()}{endpoint.path.replace('/', '_')}"


def _operation(endpoint: Endpoint, schemas: dict[Any, Any], error: Any) -> dict[str, Any]:
    refusals = [status for status in _REFUSALS if endpoint.request is not None or status not in _OF_A_BODY]
    is_text = endpoint.answer.core_schema["type"] == "bytes"
    kind, schema = "text/plain" if is_text else "application/json", schemas[(_id(endpoint), "answer"), "serialization"]
    told: dict[str, Any] = {
        "summary": endpoint.summary,
        "description": f"Asks for a key with the role `{endpoint.role}`.",
        "operationId": _id(endpoint),
        "parameters": [
            {
                "name": "X-Request-Id",
                "in": "header",
                "required": False,
                "schema": {"type": "string"},
                "description": "Comes back with the answer; what does not fit `[A-Za-z0-9._-]{1,64}` is replaced.",
            }
        ],
        "responses": {
            "200": {"description": "The answer.", "headers": _SAID, "content": {kind: {"schema": schema}}},
            **{
                str(status): {
                    "description": _REFUSALS[status],
                    "headers": _SAID,
                    "content": {"application/json": {"schema": error}},
                }
                for status in refusals
            },
        },
    }
    if endpoint.request is not None:
        examples = {name: {"value": example} for name, example in endpoint.examples.items()}
        schema = schemas[(_id(endpoint), "request"), "validation"]
        told["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema, "examples": examples}},
        }
    return told
