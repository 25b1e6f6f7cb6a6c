"""Visits whose losses and rewards are known, policy by policy."""

import numpy as np
import pandas as pd


def visits(loss: dict[str, float], customers: int = 200, each: int = 5) -> pd.DataFrame:
    """Of every customer so many visits; a policy's loss is the same but for the customer's own level."""
    random = np.random.default_rng(1)
    level = np.repeat(random.gamma(2, size=customers), each)
    frame = pd.DataFrame(
        {
            "visit": range(customers * each),
            "pseudonym": np.repeat([f"c{i}" for i in range(customers)], each),
            "shown_at": pd.Timestamp("2017-06-01"),
            "label_known_at": pd.Timestamp("2017-06-05"),
            "block": np.tile(range(each), customers),
            "rows": 10.0,
            "clicks": 1.0,
        }
    )
    for policy, value in loss.items():
        frame[f"loss_{policy}"] = level + value * random.gamma(2, size=len(frame))
        frame[f"reward_{policy}"] = frame[f"average_{policy}"] = -frame[f"loss_{policy}"]
    return frame
