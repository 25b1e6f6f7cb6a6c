"""Versions: what there is to say of each trained version, from the ledger and from its model card."""

import difflib
from typing import Any

from flows import cards
from flows.context import Door
from flows.summary import metrics_and_intervals
from infra.errors import AimloopError
from infra.experiments import Experiments
from infra.ledger import Version
from models import catalog


def all_versions(door: Door) -> list[dict[str, Any]]:
    """Every version, oldest first."""
    influences, shares = door.ledger.influences(), _shares(door)
    return [_in_short(door, version, influences, shares) for version in door.ledger.versions()]


def find(door: Door, name: str) -> Version:
    """The version of a tag, or the champion of a model.

    Raises:
        AimloopError: there is no such version; names the nearest.
    """
    versions = {version.tag: version for version in door.ledger.versions()}
    champions = {version.model: version for version in versions.values() if version.is_champion}
    found = versions.get(name) or champions.get(name)
    if found is not None:
        return found
    if name in catalog.MODELS:
        raise AimloopError(f"no version of '{name}' has been trained yet", "run a cycle: `aimloop run`")
    near = difflib.get_close_matches(name, [*champions, *versions], n=3)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise AimloopError(f"no version '{name}' in {door.state.root}", f"{hint}`aimloop models` lists all")


def described(door: Door, version: Version) -> dict[str, Any]:
    """All that is known of a version; ``content`` is what its card says, None where none was written."""
    earlier = {
        origin: {metric: m["value"] for metric, m in metrics.items()}
        for origin, metrics in version.report.get("earlier_windows", {}).items()
    }
    content = cards.read(door.state, version.tag)
    short = _in_short(door, version, door.ledger.influences(), _shares(door))
    return {**short, "earlier_windows": earlier, "content": content}


def _shares(door: Door) -> dict[str, float]:
    """Tag of a challenger → its share; 0 in the shadow."""
    return {running.challenger: running.share for running in Experiments(door.ledger).running().values()}


def _in_short(
    door: Door, version: Version, influences: dict[str, list[str]], shares: dict[str, float]
) -> dict[str, Any]:
    standing = "challenger" if version.tag in shares else "candidate"
    entry, metrics = catalog.MODELS.get(version.model), version.report.get("metrics", {})
    card = cards.path_of(door.state, version.tag)
    return {
        "model": version.model,
        "tag": version.tag,
        "standing": "champion" if version.is_champion else standing,
        "share": shares.get(version.tag),
        "registered_at": version.registered_at.isoformat(timespec="seconds"),
        "trained_until": version.report.get("origin"),
        "headline": entry.headline if entry and entry.headline in metrics else None,
        "baseline": entry.baseline if entry and entry.baseline in metrics else None,
        **metrics_and_intervals(metrics),
        "comparison": version.comparison,
        "learned_from_erased": len(influences.get(version.tag, [])),
        "card": str(card) if card.exists() else None,
    }
