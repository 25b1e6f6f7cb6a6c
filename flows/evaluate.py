"""Evaluate: every running experiment judged by what is known now, and acted on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pandera.typing.pandas import DataFrame

from flows.context import Door
from infra.experiments import Experiment
from infra.loop_contracts import ArmOutcomes, PairedLosses


@dataclass(frozen=True)
class Evidence:
    """What is known of an experiment: outcomes by metric, or losses where both versions scored every row.

    ``failures``: answers that the challenger could not give, of how many asked. ``notes``: what was left out, and why.
    """

    outcomes: Mapping[str, DataFrame[ArmOutcomes]] = field(default_factory=dict)
    losses: DataFrame[PairedLosses] | None = None
    failures: tuple[int, int] = (0, 0)
    notes: tuple[str, ...] = ()


def decide(door: Door, experiment: Experiment, evidence: Evidence) -> dict[str, Any]:
    """Judge, write the evaluation down, and act: raise the share, promote, or end the experiment.

    The instant is ``flows.context.now()``. Returns a result with ``line``, ``action``, ``reason``, ``verdicts``.
    """
    raise NotImplementedError
