"""The cycle without Prefect and dbt: the same functions, the same compiled SQL, called one after the other.

``python -m tests.benchmarks.bare_cycle MANIFEST TARGET``: dbt's manifest, and its target folder of an earlier cycle
with the same settings.
"""

import json
import sys
from pathlib import Path

from flows.allocate import plan_and_store
from flows.context import begin_cycle, open_door
from flows.ingest import land
from flows.package import build
from flows.publish import publish_generation
from flows.score import keep_history, scores_of
from flows.train import train_and_register
from flows.watch import judge_and_store
from infra import warehouse
from infra.dbt import PROJECT
from infra.warehouse import attach_encrypted, engine
from models import catalog


def main(manifest: Path, target: Path) -> None:
    door = open_door()
    land(door)
    cycle = begin_cycle(door)
    run_compiled_sql(cycle, json.loads(manifest.read_text(encoding="utf-8"))["nodes"], target)
    warehouse.finish(door.state, cycle.id)
    for name in catalog.MODELS:
        train_and_register(cycle, name)
    keep_history(cycle, scores_of(cycle))
    publish_generation(cycle)
    build(cycle)
    plan_and_store(cycle)
    for name in catalog.MODELS:
        judge_and_store(cycle, name)


def run_compiled_sql(cycle, nodes: dict, target: Path) -> None:  # type: ignore[no-untyped-def,type-arg]
    """Build every seed and model in the order of their dependencies, then ask every test for its failures."""
    fresh = warehouse.start_generation(cycle.door.state, cycle.id, cycle.as_of)
    with engine(fresh.path.parent / "spill", fresh.path) as connection:
        attach_encrypted(connection, cycle.door.state.raw_zone, "raw", cycle.door.keys.storage, read_only=True)
        for schema in ("staging", "intermediate", "marts"):
            connection.execute(f"CREATE SCHEMA {schema}")
        done: set[str] = set()
        builds = {key: node for key, node in nodes.items() if node["resource_type"] in ("model", "seed")}
        while len(done) < len(builds):
            for key, node in builds.items():
                if key in done or any(d in builds and d not in done for d in node["depends_on"].get("nodes", [])):
                    continue
                connection.execute(f'CREATE TABLE "{node["schema"]}"."{node["name"]}" AS {_sql(node, target)}')
                done.add(key)
        for node in nodes.values():
            if node["resource_type"] == "test" and not node.get("test_metadata"):
                failures = connection.execute(f"SELECT count(*) FROM ({_sql(node, target)})").fetchone()
                assert failures == (0,), node["name"]


def _sql(node: dict, target: Path) -> str:  # type: ignore[type-arg]
    if node["resource_type"] == "seed":
        return f"SELECT * FROM read_csv('{PROJECT / node['original_file_path']}')"
    path = target / "compiled" / "aimloop" / node["original_file_path"]
    # compiled names carry the database that dbt wrote to; without it they mean this connection's
    return path.read_text(encoding="utf-8").replace(f'"{node["database"]}".', "")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
