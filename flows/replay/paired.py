"""Models that score every customer alike: both versions score all of them at a cycle, labels come when they come."""

from pathlib import Path

import pandas as pd

from flows.context import Cycle, Door
from flows.decision import Evidence
from flows.evidence import of_pairs
from flows.publish import PUBLISHED
from infra import registry
from infra.experiments import Experiment
from models import catalog


def scored(cycle: Cycle, experiment: Experiment) -> pd.DataFrame:
    """What both versions say of every customer whom the services know now; of whom one says nothing is left out."""
    profiles = cycle.generation.query(f"SELECT * FROM marts.{PUBLISHED['customers']} ORDER BY pseudonym")
    entry = catalog.MODELS[experiment.model]
    said = {
        variant: entry.model.predict(registry.load(tag), profiles)[entry.says].to_numpy(dtype=float)
        for variant, tag in (("champion", experiment.champion), ("challenger", experiment.challenger))
    }
    found = profiles[["pseudonym"]].assign(as_of=cycle.as_of, experiment=experiment.id, **said)
    return found.dropna(subset=["champion", "challenger"])


def evidence(door: Door, experiment: Experiment, scores: list[Path]) -> Evidence:
    """The losses of both versions on what they said, as far as labels are known by the published cycle."""
    frames = [pd.read_parquet(path) for path in scores]
    pairs = pd.concat(frames) if frames else pd.DataFrame(columns=["pseudonym", "as_of", "experiment"])
    pairs = pairs[pairs["experiment"] == experiment.id]
    return of_pairs(door, experiment, pairs, (0, len(pairs)))
