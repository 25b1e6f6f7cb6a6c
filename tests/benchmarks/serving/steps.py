"""What happens to a service while there is load, where no command does it: `python -m … second-version | republish`."""

import sys
from datetime import timedelta

from flows.context import Cycle, now, open_cycle


def second_version(cycle: Cycle, model: str) -> str:
    """Register a copy of the champion under a tag of its own; prints the tag."""
    from infra import registry

    champion = str(cycle.door.ledger.champion(model))
    (version,) = [each for each in cycle.door.ledger.versions() if each.tag == champion]
    tag = f"{champion}-second"
    registry.save(tag, registry.load(champion), registry.reference(champion), {})
    cycle.door.ledger.register(tag, model, version.cycle_id, version.report, version.comparison, now())
    return tag


def republish(cycle: Cycle, hours: int) -> str:
    """Publish the cycle's profiles as those of a later as-of, so that answers tell the two apart; prints it."""
    from flows.publish import PUBLISHED
    from infra import profiles

    door, as_of = cycle.door, cycle.as_of + timedelta(hours=hours)
    tables = {name: cycle.generation.query(f"SELECT * FROM marts.{mart}") for name, mart in PUBLISHED.items()}
    profiles.publish(door.settings, door.state, cycle.id, as_of, tables, now())
    return as_of.isoformat()


if __name__ == "__main__":
    verb, told = sys.argv[1:]
    print(second_version(open_cycle(), told) if verb == "second-version" else republish(open_cycle(), int(told)))
