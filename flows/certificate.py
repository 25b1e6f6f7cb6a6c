"""The certificate of an erasure: what was removed where, and which models still carry influence."""

import json
from datetime import datetime
from typing import Any

from flows.context import Door
from infra.erasing.journal import Journal
from infra.erasing.people import Person
from infra.files import publish_text

NOT_COVERED = (
    "the source that exports come from, and backups or copies of the state folder",
    "files that were written elsewhere, such as audience lists, and the conditions that the audit trail quotes",
    "sums over many people in product and channel statistics, until the next `aimloop run` computes them anew",
)


def certify(door: Door, person: Person, done: Journal, finished_at: datetime) -> dict[str, Any]:
    """Write the certificate as JSON and as a text; it names the person by their tombstone alone."""
    rows = {place: counts[person.tombstone] for place, counts in done.rows.items() if counts.get(person.tombstone)}
    document = {
        "certificate": "erasure",
        "tombstone": person.tombstone,
        "asked_at": done.began_at.isoformat(timespec="seconds"),
        "finished_at": finished_at.isoformat(timespec="seconds"),
        "rows_removed": rows,
        "files": done.files,
        "replays_dropped": done.replays,
        "models": _models(door, person),
        "not_covered": list(NOT_COVERED),
    }
    door.state.certificates.mkdir(exist_ok=True)
    stem = f"{done.began_at:%Y%m%dt%H%M%S}-{person.tombstone[:12]}"
    publish_text(door.state.certificates / f"{stem}.txt", _text(document))
    publish_text(door.state.certificates / f"{stem}.json", json.dumps(document, indent=2) + "\n")
    return document | {"file": str(door.state.certificates / f"{stem}.txt")}


def _models(door: Door, person: Person) -> list[dict[str, Any]]:
    """Versions that learned from the person: still there, with what ends their influence."""
    champions = {version.tag for version in door.ledger.versions() if version.is_champion}
    return [
        {
            "tag": tag,
            "standing": "champion" if tag in champions else "candidate",
            "carries_influence_until": (
                "the next `aimloop run` puts another in its place" if tag in champions else "it is removed"
            ),
            "retrained": "the next `aimloop run` trains a version without this person",
        }
        for tag, tombstones in door.ledger.influences().items()
        if person.tombstone in tombstones
    ]


def _text(document: dict[str, Any]) -> str:
    lines = [
        "Certificate of erasure",
        "",
        f"Person (keyed tombstone)  {document['tombstone']}",
        f"Asked for                 {document['asked_at']} UTC",
        f"Finished                  {document['finished_at']} UTC",
        "",
        "Rows removed",
        *(f"  {count:>10,}  {place}" for place, count in document["rows_removed"].items()),
        *(["        none: nothing of this person was held"] if not document["rows_removed"] else []),
        "",
        "Files rewritten or removed (SHA-256 before → after)",
        *(f"  {path}\n    {f['before']} → {f['after'] or 'removed'}" for path, f in document["files"].items()),
        "",
        "Replays removed whole",
        *(f"  {name}" for name in document["replays_dropped"]),
        *(["  none"] if not document["replays_dropped"] else ["  The same command replays them without this person."]),
        "",
        "Model versions that learned from this person",
        *(f"  {m['tag']} ({m['standing']}) until {m['carries_influence_until']}" for m in document["models"]),
        *(["  none"] if not document["models"] else ["  The next `aimloop run` trains versions without this person."]),
        "",
        "Not covered",
        *(f"  - {line}" for line in document["not_covered"]),
        "",
    ]
    return "\n".join(lines)
