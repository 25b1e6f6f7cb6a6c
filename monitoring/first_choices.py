"""What would come of showing what a version ranks first, told from what was shown by chance: before it answers anybody.

It supposes that each request shows one ad, with the chance that the application reported, and that every ad had one.
Where the last two are wrong, weights do not average 1. It informs people; no decision hangs on it.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pandera.typing.pandas import DataFrame

from infra.loop_contracts import FirstChoices
from monitoring.off_policy import LEAST_CUSTOMERS, PolicyEstimate, doubly_robust, inverse_propensity

Variant = Literal["champion", "challenger"]

_SUPPORT_ALPHA = 0.01
_SUPPORT_MARGIN = 0.1  # where fewer than a tenth of the first choices had no chance, little hangs on them
_UNCUT = 1e6


@dataclass(frozen=True)
class FirstChoicesWorth:
    """Clicks a request if what the version ranks first were always shown, by inverse propensity and doubly robust.

    ``support`` is the mean of the weights before any is cut. Where it is surely off 1 by more than a tenth, some first
    choices had no chance of being shown, or chances are not as reported.
    """

    weighed: PolicyEstimate
    robust: PolicyEstimate
    support: PolicyEstimate

    @property
    def is_supported(self) -> bool:
        return self.support.low <= 1 + _SUPPORT_MARGIN and self.support.high >= 1 - _SUPPORT_MARGIN


def worth_of(rows: DataFrame[FirstChoices], version: Variant) -> FirstChoicesWorth:
    """What the first choices of a version would have earned in these requests.

    Raises:
        ValueError: there are no rows, or fewer than 30 customers, or fewer were shown what it ranks first, of which
            all was clicked or nothing.
    """
    who, chance, clicked = rows["pseudonym"], rows["propensity"], rows["clicked"]
    is_its = rows[f"is_{version}s"].to_numpy(dtype=bool)
    target = is_its.astype(float)
    weighed = inverse_propensity(who, clicked, chance, target)
    shown = who[is_its].nunique()
    if shown < LEAST_CUSTOMERS:
        raise ValueError(
            f"{shown:,} customers were shown what the {version} ranks first, {LEAST_CUSTOMERS} are the least"
        )
    if clicked[is_its].nunique() < 2:  # an interval without width would be told
        raise ValueError(f"of what the {version} ranks first all was clicked, or nothing")
    return FirstChoicesWorth(
        weighed,
        doubly_robust(who, clicked, chance, target, rows["expected"], rows[f"expected_of_{version}s"]),
        inverse_propensity(
            who, np.ones(len(rows)), chance, target, max_weight=_UNCUT, normalised=False, alpha=_SUPPORT_ALPHA
        ),
    )


def in_words(rows: DataFrame[FirstChoices]) -> str:
    """Both estimates of the challenger beside the champion's; or why nothing can be told."""
    try:
        challenger, champion = worth_of(rows, "challenger"), worth_of(rows, "champion")
    except ValueError as error:
        return f"off-policy: nothing can be told yet of what the challenger ranks first ({error})"
    customers, by_chance = rows["pseudonym"].nunique(), (challenger.weighed, champion.weighed)
    mind = "".join(
        f"; but weights of the {name} average {found.support.value:.3g} instead of 1: some of what it ranks first had "
        "no chance of being shown, or chances are not as reported"
        for name, found in (("challenger", challenger), ("champion", champion))
        if not found.is_supported
    )
    return (
        "off-policy: showing what the challenger ranks first would have brought "
        f"{_told(challenger.weighed)} clicks a request by inverse propensity (self-normalised) and "
        f"{_told(challenger.robust)} doubly robust; what the champion ranks first {_told(champion.weighed)} and "
        f"{_told(champion.robust)}; told from {len(rows):,} requests of {customers:,} customers, worth "
        f"{' and '.join(f'{e.effective_rows:,.0f}' for e in by_chance)} rows of its own, weights cut in "
        f"{' and '.join(f'{e.clipped:.1%}' for e in by_chance)}; supposed that each request shows one ad, "
        f"with the chance that was reported{mind}"
    )


def _told(found: PolicyEstimate) -> str:
    return f"{found.value:.3g} ({found.low:.3g} to {found.high:.3g})"
