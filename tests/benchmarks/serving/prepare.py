"""Makes a state folder fit to be served by this code, and writes the requests: `python -m … FOLDER`, in its settings.

A state folder that was kept has profiles and a Bento of the code of then.
"""

import json
import sys
from pathlib import Path

from flows.context import Cycle, open_cycle
from tests.load.questions import ads, one_ad
from tests.load.traffic import Shown, drawn

ONE_AD, HUNDRED_ADS, ROWS, FRAMES = "one_ad.jsonl", "hundred_ads.jsonl", "rows.jsonl", "frames.jsonl"
CONTENTS = "contents.json"
REQUESTS = 5_000


def main(folder: Path) -> None:
    cycle = open_cycle()  # sets the homes of the tools, before they are imported
    package_anew(cycle)
    folder.mkdir(parents=True, exist_ok=True)
    shown = drawn(cycle.door, REQUESTS)
    write_requests(folder, cycle, shown)


def package_anew(cycle: Cycle) -> None:
    """Profiles and Bento of this code, recorded as the cycle's own; later steps stay as they are."""
    from flows.package import build
    from flows.publish import publish_generation

    publish_generation(cycle)
    ledger, built = cycle.door.ledger, build(cycle)
    steps = ledger.steps(cycle.id)
    later = list(steps)[list(steps).index("package") + 1 :]
    ledger.forget_steps(cycle.id, "package")
    ledger.finish_step(cycle.id, "package", steps["package"].seconds, built)
    for name in later:
        ledger.finish_step(cycle.id, name, steps[name].seconds, steps[name].result)


def write_requests(folder: Path, cycle: Cycle, shown: list[Shown]) -> None:
    """The same impressions for each server in its own words, one body a line; and what the others must know."""
    from infra import registry
    from infra.profiles import open_profiles
    from tests.benchmarks.serving.features import AdRows

    door = cycle.door
    rows = AdRows(open_profiles(door.settings, door.state), door.keys)
    version = door.state.bentoml / "models" / str(door.ledger.champion("ctr")).replace(":", "/")
    names = registry.load_folder(version).features  # no more is sent to those who are sent features
    at = [rows.columns.index(name) for name in names]
    features = [[row[position] for position in at] for row in map(rows.row, shown)]
    hundreds = [shown[start : start + 100] for start in range(0, len(shown), 100)]
    bodies = {
        ONE_AD: [one_ad(each).body for each in shown],
        HUNDRED_ADS: [ads("ctr, 100 ads", some[0].customer_id, some).body for some in hundreds],
        ROWS: [{"rows": [row]} for row in features],
        FRAMES: [{"dataframe_split": {"columns": names, "data": [row]}} for row in features],
    }
    for name, lines in bodies.items():
        text = "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines)
        (folder / name).write_text(text, encoding="utf-8")
    contents = {"version": str(version), "columns": names}
    (folder / CONTENTS).write_text(json.dumps(contents), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
