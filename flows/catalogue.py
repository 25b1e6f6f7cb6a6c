"""The catalogue: the project's tables, columns and what depends on what, without reading a row."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flows.context import Door
from infra.catalogue import project
from infra.catalogue.lineage import Lineage, Ref
from infra.catalogue.sql_lineage import read_lineage
from infra.files import publish_text


def project_lineage(door: Door) -> Lineage:
    """The lineage of the project as it stands; kept in the state folder until code or attributes change."""
    attributes = project.attributes(door.state)
    fingerprint = project.fingerprint(door.settings, attributes)
    kept = door.state.dbt / "lineage.json"
    if kept.exists():
        document = json.loads(kept.read_text(encoding="utf-8"))
        if document["fingerprint"] == fingerprint:
            return Lineage.from_json(document)
    lineage = read_lineage(project.compile_project(door.settings, attributes))
    publish_text(kept, json.dumps({"fingerprint": fingerprint, **lineage.to_json()}))
    return lineage


def documentation(door: Door) -> Path:
    """Write dbt's documentation site, one page that needs no network; returns where."""
    page = door.state.root / "docs" / "index.html"
    project.document(door.settings, page, project.attributes(door.state))
    return page


def learned_from(door: Door) -> dict[str, set[str]]:
    """The features of every champion, by model; a model without one is left out."""
    versions = {version.tag: version for version in door.ledger.versions() if version.is_champion}
    return {version.model: set(version.report["features"]) for version in versions.values()}


def described(lineage: Lineage, ref: Ref, features: dict[str, set[str]]) -> dict[str, Any]:
    """All that is known of a column, as one JSON object."""
    fed = lineage.fed(ref)
    return {
        "column": str(ref),
        "layer": lineage.tables[ref.table].layer,
        "file": lineage.tables[ref.table].file,
        "from": [str(source) for source in lineage.sources(ref)],
        "begins_with": [str(source) for source in lineage.beginnings(ref) if source != ref],
        "rows_chosen_by": [str(source) for source in lineage.choosers(ref)],
        "feeds": [str(column) for column in fed],
        "chooses_rows_of": lineage.chosen(ref),
        "read_by": _readers(lineage, [ref, *fed], features),
    }


def _readers(lineage: Lineage, refs: Iterable[Ref], features: dict[str, set[str]]) -> list[dict[str, Any]]:
    """Who reads the columns; of a model with a champion also which of them that one learned from."""
    kinds = {reader.name: reader.kind for reader in lineage.readers}
    return [
        {
            "name": name,
            "kind": kinds[name],
            "columns": [str(ref) for ref in held],
            "features": sorted({ref.column for ref in held} & features[name]) if name in features else None,
        }
        for name, held in lineage.readers_of(refs).items()
    ]
