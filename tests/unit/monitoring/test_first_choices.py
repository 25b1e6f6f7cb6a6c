"""What the first choices of a version would have earned: reckoned by hand, and in a world that is known."""

import numpy as np
import pandas as pd
import pytest

from infra.loop_contracts import FirstChoices
from monitoring.first_choices import in_words, worth_of

COLUMNS = list(FirstChoices.to_schema().columns)


def choices(*rows: tuple, copies: int = 1) -> pd.DataFrame:
    """Each row as that of so many customers; columns as in the contract, without the customer."""
    many = [(f"c{copy}-{number}", *row) for copy in range(copies) for number, row in enumerate(rows)]
    return FirstChoices.validate(pd.DataFrame(many, columns=COLUMNS))


# Of eight customers six are shown the champion's first choice (chance 0.75), two the challenger's (0.25).
A, NOT_A = (0.75, 1, True, False, 0.5, 0.5, 0.4), (0.75, 0, True, False, 0.5, 0.5, 0.4)
B, NOT_B = (0.25, 1, False, True, 0.2, 0.6, 0.2), (0.25, 0, False, True, 0.2, 0.6, 0.2)
# chance, clicked, champion's?, challenger's?, the champion's value of it, of its own, of the challenger's
TOLD = (A, A, NOT_A, NOT_A, NOT_A, NOT_A, B, NOT_B)


def test_a_worked_example() -> None:
    rows = choices(*TOLD, copies=15)
    challenger, champion = worth_of(rows, "challenger"), worth_of(rows, "champion")
    assert challenger.weighed.value == pytest.approx(1 / 2)
    # expected 0.4 six times and 0.2 twice, and errors of 0.8 and -0.2 that weigh 4 each
    assert challenger.robust.value == pytest.approx((6 * 0.4 + 2 * 0.2) / 8 + 4 * (0.8 - 0.2) / 8)
    assert champion.weighed.value == pytest.approx(2 / 6)
    assert champion.robust.value == pytest.approx((6 * 0.5 + 2 * 0.6) / 8 + (2 * 0.5 - 4 * 0.5) / 0.75 / 8)
    assert (challenger.weighed.rows, challenger.weighed.effective_rows) == (120, pytest.approx(30))
    assert champion.weighed.effective_rows == pytest.approx(90)
    assert (challenger.support.value, champion.support.value) == (pytest.approx(1), pytest.approx(1))
    words = in_words(rows)
    assert "what the challenger ranks first would have brought 0.5 (0.32 to 0.68) clicks a request" in words
    assert "what the champion ranks first 0.333 (0.2" in words
    assert "from 120 requests of 120 customers, worth 30 and 90 rows of its own, weights cut in 0.0% and 0.0%" in words
    assert "instead of 1" not in words


def world(rng: np.random.Generator, explore: float = 0.4, visits: int = 3_000) -> tuple[pd.DataFrame, float, float]:
    """Four ads a request; what is shown is the champion's first choice, or with some chance any. True values last.

    The champion takes half of what matters for noise; the challenger sees more of it.
    """
    customer = rng.integers(0, visits // 5, visits)
    click = np.clip(rng.beta(2, 10, (visits, 4)) + rng.normal(0, 0.02, visits // 5)[customer, None], 0, 1)
    said = {
        "champion": np.clip(0.5 * click + rng.beta(2, 20, (visits, 4)), 0, 1),
        "challenger": click + rng.normal(0, 0.02, (visits, 4)),
    }
    rows, first = np.arange(visits), {name: values.argmax(axis=1) for name, values in said.items()}
    shown = np.where(rng.random(visits) < explore, rng.integers(0, 4, visits), first["champion"])
    frame = pd.DataFrame(
        {
            "pseudonym": [f"c{number}" for number in customer],
            "propensity": explore / 4 + (1 - explore) * (shown == first["champion"]),
            "clicked": (rng.random(visits) < click[rows, shown]).astype(float),
            "is_champions": shown == first["champion"],
            "is_challengers": shown == first["challenger"],
            "expected": said["champion"][rows, shown],
            "expected_of_champions": said["champion"][rows, first["champion"]],
            "expected_of_challengers": said["champion"][rows, first["challenger"]],
        }
    )
    truth = {name: float(click[rows, chosen].mean()) for name, chosen in first.items()}
    return FirstChoices.validate(frame), truth["challenger"], truth["champion"]


def test_the_true_worth_of_both_lies_in_the_intervals() -> None:
    rng = np.random.default_rng(4)
    held: dict[str, int] = {}
    for _ in range(100):
        rows, *truths = world(rng)
        assert truths[0] > truths[1] + 0.02
        for version, truth in zip(("challenger", "champion"), truths, strict=True):
            found = worth_of(rows, version)  # type: ignore[arg-type]
            assert found.is_supported
            for name, estimate in (("weighed", found.weighed), ("robust", found.robust)):
                key = f"{version} {name}"
                held[key] = held.get(key, 0) + (estimate.low <= truth <= estimate.high)
    assert all(90 <= count <= 100 for count in held.values()), held


def test_what_had_no_chance_is_seen_by_the_weights() -> None:
    """Where nothing but the champion's first choice is ever shown, most of the challenger's cannot be weighed."""
    rows, *_ = world(np.random.default_rng(5), explore=0.0)
    assert not worth_of(rows, "challenger").is_supported
    assert "but weights of the challenger average 0." in in_words(rows)
    assert "instead of 1: some of what it ranks first had no chance of being shown" in in_words(rows)
    assert "weights of the champion" not in in_words(rows)


def test_chances_that_are_not_as_reported_are_seen_by_the_weights() -> None:
    rows, *_ = world(np.random.default_rng(6))
    assert "weights of the champion average" in in_words(rows.assign(propensity=rows["propensity"] / 2))


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (choices(), "no rows: the log says nothing"),
        (choices(*TOLD, copies=3), "24 customers, 30 are the least"),
        (choices(*TOLD, copies=14), "28 customers were shown what the challenger ranks first, 30 are the least"),
        (choices(A, NOT_A, copies=30), "the new policy takes none of the logged actions"),
        (choices(A, NOT_A, *[B, NOT_B] * 8, copies=2), "4 customers were shown what the champion ranks first"),
        (choices(A, NOT_A, B, copies=30), "of what the challenger ranks first all was clicked, or nothing"),
        (choices(NOT_A, B, NOT_B, copies=30), "of what the champion ranks first all was clicked, or nothing"),
    ],
)
def test_where_it_cannot_be_told_it_is_said_why(rows: pd.DataFrame, why: str) -> None:
    told = in_words(rows)  # type: ignore[arg-type]
    assert told.startswith("off-policy: nothing can be told yet of what the challenger ranks first (")
    assert why in told
