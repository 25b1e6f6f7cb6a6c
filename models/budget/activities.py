"""A problem from what the models predict: responses per contact, the value of a response, the cost of a contact."""

from dataclasses import replace
from math import inf

import numpy as np
import pandas as pd

from models.budget import tables
from models.budget.checks import complete
from models.budget.problem import Problem, Rule
from models.budget.tables import ALL
from models.errors import BadProblem

Shape = tuple[tuple[float, float], ...]  # (share of those who can be reached, factor on the response), the first first
STRAIGHT: Shape = ((1.0, 1.0),)


def of_responses(
    channels: pd.DataFrame,
    responses: pd.DataFrame,
    segments: pd.DataFrame,
    *,
    budget: float = inf,
    reach: pd.DataFrame | None = None,
    periods: pd.DataFrame | None = None,
    shape: Shape = STRAIGHT,
    rules: tuple[Rule, ...] = (),
    min_roi: float | None = None,
) -> Problem:
    """An activity for each row of responses in each period; a unit is a contact.

    A contact costs the channel's ``unit_cost`` plus response × ``cost_per_response`` of the offer; it returns response
    × ``season`` of the period × ``value`` of the segment. Intervals of responses and of values give those of returns:
    low times low, high times high.

    Args:
        channels: ``channel``, ``unit_cost``, and what else `tables.CHANNELS` has.
        responses: `tables.RESPONSES`.
        segments: `tables.SEGMENTS`.
        budget: For everything together.
        reach: `tables.REACH`; needed where the shape bends.
        periods: `tables.PERIODS`.
        shape: How the response falls as more of those who can be reached are contacted: the best are contacted first.
        rules: Of the problem.
        min_roi: Of the problem.

    Raises:
        BadProblem: a table holds what it may not, or names a channel or segment that another does not have.
    """
    answers = complete(responses, tables.RESPONSES)
    people = complete(segments, tables.SEGMENTS)
    times = complete(periods if periods is not None else pd.DataFrame({"period": [ALL]}), tables.PERIODS)
    cost = _looked_up(answers, channels.reset_index(drop=True), "channel", "unit_cost", "channels")
    value = _looked_up(answers, people, "segment", "value", "segments")
    count, season = len(times), times["season"].to_numpy(float)
    frame = pd.DataFrame(
        {key: pd.Categorical(answers[key].astype(str)).repeat(count) for key in ("channel", "segment", "offer")}
    )
    frame["period"] = pd.Categorical.from_codes(
        np.tile(np.arange(count), len(answers)), categories=pd.Index(times["period"].astype(str))
    )
    factor = np.tile(season, len(answers))
    middle = answers["response"].to_numpy(float)
    frame["unit_cost"] = np.repeat(cost, count) + factor * np.repeat(
        middle * answers["cost_per_response"].to_numpy(float), count
    )
    frame["unit_return"] = factor * np.repeat(middle * value, count)
    if answers["response_low"].notna().any() or people["value_low"].notna().any():
        for end in ("low", "high"):
            response = answers[f"response_{end}"].fillna(answers["response"]).to_numpy(float)
            worth = _looked_up(answers, people, "segment", f"value_{end}", "segments")
            worth = np.where(np.isnan(worth), value, worth)
            frame[f"unit_return_{end}"] = factor * np.repeat(response * worth, count)
    held = [column.name for column in tables.CHANNELS.numbers if column.name in channels]
    problem = Problem(
        activities=frame,
        budget=budget,
        channels=channels[["channel", *held]].reset_index(drop=True) if held else None,
        segments=segments,
        reach=reach,
        periods=None if periods is None else times,
        rules=rules,
        min_roi=min_roi,
    )
    return problem if shape == STRAIGHT else replace(problem, activities=_bent(problem, shape))


def _looked_up(frame: pd.DataFrame, other: pd.DataFrame, key: str, column: str, name: str) -> np.ndarray:
    if column not in other:
        raise BadProblem(name, None, column, "is missing", "add the column")
    place = pd.Index(other[key].astype(str)).get_indexer(pd.Index(frame[key].astype(str)))
    if (place < 0).any():
        row = int((place < 0).argmax())
        raise BadProblem(
            "responses", row, key, f"'{frame[key].iloc[row]}' is not among the {name}", "add its row there"
        )
    return other[column].to_numpy(float)[place]


def _bent(problem: Problem, shape: Shape) -> pd.DataFrame:
    """Each activity in pieces, as wide as their share of what can be reached."""
    frame = problem.activities
    if problem.reach is None:
        raise BadProblem(
            "reach", None, "max_units", "is missing", "a falling response needs to know who can be reached"
        )
    known = {key: [str(name) for name in frame[key].unique()] for key in ("channel", "segment", "period")}
    reach = complete(problem.reach, tables.REACH, known)
    keys = ["channel", "segment", "period"]
    place = pd.MultiIndex.from_frame(reach[keys].astype(str)).get_indexer(
        pd.MultiIndex.from_frame(frame[keys].astype(str))
    )
    room = np.where(place >= 0, reach["max_units"].to_numpy(float)[place], inf)
    pieces = []
    for number, (share, factor) in enumerate(shape):
        piece = frame.assign(piece=number, max_units=share * room)
        for column in ("unit_return", "unit_return_low", "unit_return_high"):
            if column in piece:
                piece[column] = piece[column] * factor
        pieces.append(piece)
    return pd.concat(pieces, ignore_index=True)
