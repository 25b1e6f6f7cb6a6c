"""What a unit of a channel brings in a segment, as the data say: responses per unit, times what a response is worth.

Nothing here is incremental: a customer who responded may have bought anyway (`models.budget.lifts`).
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandera.typing.pandas import DataFrame

from infra.budget_contracts import ChannelResponses, SegmentWorth

Z = 1.96  # 95 %


def measured(
    responses: DataFrame[ChannelResponses], segments: DataFrame[SegmentWorth], values: dict[str, float]
) -> pd.DataFrame:
    """A row for each channel and segment with results.

    ``response`` (per unit), ``value`` (of a response) and ``unit_return``, each with ``_low`` and ``_high`` (95 %);
    ``unit``, ``customers``, ``reachable``, ``busiest_units``; ``order``: an average order, where units are contacts.

    A response is worth what ``values`` say of its channel; a response to a contact else an average order of its
    segment; a click else nothing that is known: it is no order. Units of one customer are alike: errors are those of
    customers, not of units (linearised ratio), and never smaller than Wilson's of the units. A channel with contacts
    is counted by them alone.
    """
    contacts = responses.loc[responses["unit"] == "contact", "channel"]
    chosen = responses[(responses["unit"] == "contact") | ~responses["channel"].isin(contacts)]
    found = chosen.merge(segments[["segment", "reachable"]], on="segment", how="left")
    units, taken = found["units"].to_numpy(float), found["responses"].to_numpy(float)
    error = _error(
        units,
        taken,
        *(found[c].to_numpy(float) for c in ("units_squares", "responses_squares", "products", "customers")),
    )
    ratio = _ratio(taken, units)
    low, high = _wilson(taken, units)
    found["response"] = ratio
    found["response_low"] = np.clip(np.fmin(low, ratio - Z * error), 0.0, None)
    found["response_high"] = np.fmax(high, ratio + Z * error)
    orders = _orders(segments)
    for end in ("", "_low", "_high"):
        given = found["channel"].map(values)
        order = found["segment"].map(orders[f"value{end}"]).where(found["unit"] == "contact")
        found[f"value{end}"] = given.fillna(order).astype(float)
        if end == "":
            found["order"] = order.astype(float)
        found[f"unit_return{end}"] = found[f"response{end}"] * found[f"value{end}"]
    return found.sort_values(["channel", "segment"], ignore_index=True)


def _orders(segments: DataFrame[SegmentWorth]) -> pd.DataFrame:
    """The average order of each segment, by segment, with its interval."""
    orders, amount = segments["orders"].to_numpy(float), segments["amount"].to_numpy(float)
    sums = (segments[c].to_numpy(float) for c in ("orders_squares", "amount_squares", "products", "customers"))
    mean, error = _ratio(amount, orders), _error(orders, amount, *sums)
    ends = {"value": mean, "value_low": np.clip(mean - Z * error, 0, None), "value_high": mean + Z * error}
    return pd.DataFrame(ends, index=segments["segment"].to_numpy())


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)


def _error(
    n: NDArray[np.float64],
    r: NDArray[np.float64],
    n_squares: NDArray[np.float64],
    r_squares: NDArray[np.float64],
    products: NDArray[np.float64],
    customers: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Standard error of Σr / Σn over customers: √(Σ(rᵢ − ratio·nᵢ)² · m / (m − 1)) / Σn. One customer tells nothing."""
    ratio = _ratio(r, n)
    squares = np.clip(r_squares - 2 * ratio * products + ratio**2 * n_squares, 0.0, None)
    few = customers > 1
    spread = np.divide(customers, customers - 1, out=np.full_like(customers, np.nan), where=few)
    return _ratio(np.sqrt(squares * spread), n)


def _wilson(taken: NDArray[np.float64], units: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wilson, "Probable inference", JASA 1927: also right where nobody responded."""
    p = _ratio(taken, units)
    middle, around = p + Z**2 / (2 * units), Z * np.sqrt(np.clip(p * (1 - p) / units, 0, None) + Z**2 / (4 * units**2))
    return (middle - around) / (1 + Z**2 / units), (middle + around) / (1 + Z**2 / units)
