"""Two consecutive plans for the channels of real data, with stated costs: what was promised, and what came of it."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from flows.allocate import plan_and_store
from flows.context import Cycle, Door
from infra import warehouse
from infra.warehouse import Generation
from tests import small_state

# Nobody knows what these cost: stated here, so that plans can be made. A click is stated to bring 0.05.
CHANNELS = """channel,unit_cost,unit_return,max_units,min_units,response_value
coupon mailing,0.5,,100000,0,
mailer,0.0005,,1000000000,0,0.05
"""
BUDGET = 1_000.0


def look_back(first: Generation, second: Generation, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The plans of two cycles whose marts are given, made in a state folder of their own; the second looks back."""
    file = folder / "channels.csv"
    file.write_text(CHANNELS, encoding="utf-8")
    bare = small_state.open_door(folder / "state")
    settings = bare.settings.model_copy(update={"budget": BUDGET, "channels": file, "plan_days": 28})
    door = Door(settings, bare.state, bare.keys, bare.ledger)
    plans = []
    for made in (first, second):
        name = made.path.stem
        shutil.copyfile(made.path, warehouse.generation(door.state, name).path)
        as_of = pd.Timestamp(made.query("SELECT as_of FROM cycle")["as_of"].iloc[0])
        door.ledger.begin_cycle(name, as_of.to_pydatetime(), "real", datetime(2018, 1, 1))
        plans.append(plan_and_store(Cycle(name, as_of, door))["plan"])
    return plans[0], plans[1]


def told(plan: dict[str, Any]) -> str:
    """Promised against realised, by channel, as a person reads it."""
    realised = plan["realised"]
    lines = [f"  {row['channel']}: {row['words']}" for row in realised["channels"]]
    return "\n".join([f"{realised['since']} to {realised['until']}: {realised['line']}", *lines])
