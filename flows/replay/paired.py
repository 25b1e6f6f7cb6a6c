"""Models that score every customer alike: both versions score all of them at a cycle, labels come when they come."""

from pathlib import Path

import pandas as pd

from flows.context import Cycle, Door
from flows.decision import Evidence
from flows.evidence import losses_of
from flows.publish import PUBLISHED
from infra import later_labels, registry, warehouse
from infra.experiments import Experiment
from models import catalog

SAID = {"churn": "churn_probability", "clv": "expected_revenue"}


def scored(cycle: Cycle, experiment: Experiment) -> pd.DataFrame:
    """What both versions say of every customer whom the services know now; of whom one says nothing is left out."""
    profiles = cycle.generation.query(f"SELECT * FROM marts.{PUBLISHED['customers']} ORDER BY pseudonym")
    model, value = catalog.MODELS[experiment.model].model, SAID[experiment.model]
    said = {
        variant: model.predict(registry.load(tag), profiles)[value].to_numpy(dtype=float)
        for variant, tag in (("champion", experiment.champion), ("challenger", experiment.challenger))
    }
    found = profiles[["pseudonym"]].assign(as_of=cycle.as_of, experiment=experiment.id, **said)
    return found.dropna(subset=["champion", "challenger"])


def evidence(door: Door, experiment: Experiment, scores: list[Path]) -> Evidence:
    """The losses of both versions on what they said, as far as labels are known by the published cycle."""
    horizon = door.settings.clv_horizon_days if experiment.model == "clv" else door.settings.churn_horizon_days
    frames = [pd.read_parquet(path) for path in scores]
    pairs = pd.concat(frames) if frames else pd.DataFrame(columns=["pseudonym", "as_of", "experiment"])
    pairs = pairs[pairs["experiment"] == experiment.id]
    generation = warehouse.published(door.state)
    if pairs.empty or generation is None:
        return Evidence(notes=("no customer has been scored by both versions yet",))
    instants = [instant.to_pydatetime() for instant in pairs["as_of"].unique()]
    both = pairs.merge(later_labels.labels(generation, instants, horizon), on=["pseudonym", "as_of"])
    note = f"{len(both):,} of {len(pairs):,} rows that both versions scored have an outcome by now"
    if both.empty:
        return Evidence(failures=(0, len(pairs)), notes=(note,))
    return Evidence(losses=losses_of(both, experiment.model), failures=(0, len(pairs)), notes=(note,))
