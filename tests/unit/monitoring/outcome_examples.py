"""Outcomes of made-up customers, dealt as the services deal them."""

import numpy as np
import pandas as pd

from infra.loop_contracts import ArmOutcomes

COLUMNS = list(ArmOutcomes.to_schema().columns)


def outcomes(*rows):
    """Rows of (pseudonym, step, variant, units, reward) and, where known, (before_units, before_reward)."""
    return ArmOutcomes.validate(pd.DataFrame([(*row, None, None)[:7] for row in rows], columns=COLUMNS))


def panel(rng, customers=400, shares=(0.05, 0.2, 0.5), *, rate=0.1, lift=0.0, units=10, is_known_before=True):
    """Every customer at every step of a ramp, with a taste of its own that lasts and a place that does not change."""
    taste = rng.gamma(2, rate / 2, customers)
    place = rng.random(customers)
    before_units = rng.poisson(2 * units, customers)
    before = rng.poisson(before_units * taste)
    frames = []
    for step, share in enumerate(shares):
        has = place < share
        seen = rng.poisson(units * rng.gamma(4, 0.25, customers))
        frame = {
            "pseudonym": [f"c{i:05d}" for i in range(customers)],
            "step": step,
            "variant": np.where(has, "challenger", "champion"),
            "units": seen.astype(float),
            "reward": rng.poisson(seen * taste * np.where(has, 1 + lift, 1)).astype(float),
            "before_units": before_units.astype(float) if is_known_before else np.nan,
            "before_reward": before.astype(float) if is_known_before else np.nan,
        }
        frames.append(pd.DataFrame(frame))
    return ArmOutcomes.validate(pd.concat(frames, ignore_index=True))
