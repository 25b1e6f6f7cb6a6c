"""Budget plans: right, never worse, and fast: `make bench ONLY=budget`.

``python -m tests.benchmarks.budget channels segments offers periods solver`` makes a plan of that size and prints what
it took as JSON.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from models.budget.frontier import frontier
from models.budget.problem import of_channels
from models.budget.solution import Method
from models.budget.solve import solve
from tests.benchmarks.measure import AIMLOOP, Figure, at_most, environ, measured
from tests.budget_judging import (
    BOTH,
    breaks_rules_of_programmes,
    differs_beside_large_spend,
    differs_from_brute_force,
    differs_from_solving_anew,
    faults,
    is_worse_than_current,
)
from tests.budget_problems import EXAMPLE, planned_problem

LARGE, SMALL = (50, 100, 10, 12), (20, 20, 3, 1)
Judge = Callable[[int], Iterator[str]]


def budget(folder: Path) -> dict[str, Figure]:
    """The worked example, random problems, and plans of two sizes."""
    return {**example(folder), **random_problems(), **sizes(folder)}


def example(folder: Path) -> dict[str, Figure]:
    """With both solvers, through the command line."""
    figures = {}
    for solver in ("highs", "cbc"):
        command = [AIMLOOP, "plan", "--budget", "1130000", "--json"]
        plan = json.loads(measured(command, environ(folder / "state", AIMLOOP_SOLVER=solver)).stdout)
        gain, marginal = plan["expected_return"], plan["marginal_return"]
        figures[f"budget.example_return_{solver}"] = Figure(gain, "", "84125", abs(gain - 84_125) < 1e-6)
        figures[f"budget.example_marginal_{solver}"] = Figure(marginal, "", "0.05625", abs(marginal - 0.05625) < 1e-9)
    began = time.perf_counter()
    frontier(of_channels(EXAMPLE, 1_130_000))
    figures["budget.frontier_seconds"] = Figure(time.perf_counter() - began, "s")
    return figures


def random_problems() -> dict[str, Figure]:
    """Shares of random problems (with a plan) of which nothing wrong can be said; what can be said goes to stderr."""
    return {
        "budget.brute_force_equal": _share(differs_from_brute_force, 500),
        "budget.batches_beside_millions_equal": _share(partial(differs_beside_large_spend, methods=BOTH[:1]), 150),
        "budget.batches_beside_millions_equal_cbc": _untargeted(partial(differs_beside_large_spend, methods=BOTH[1:])),
        "budget.programmes_hold": _share(breaks_rules_of_programmes, 500),
        "budget.other_budgets_equal": _share(differs_from_solving_anew, 500),
        "budget.never_worse": _share(is_worse_than_current, 1_000),
    }


def _untargeted(judge: Judge) -> Figure:
    """CBC proves whole batches to a hundred thousandth of the return alone, and says so."""
    return Figure(_share(judge, 150).value, "of 150")


def _share(judge: Judge, count: int) -> Figure:
    good, wrong = faults(judge, count)
    print(*wrong, sep="\n", end="\n" if wrong else "", file=sys.stderr)
    return Figure(good / count, f"of {count:,}", "1", good == count)


def sizes(folder: Path) -> dict[str, Figure]:
    """A plan of 600,000 activities, and one of 1,200, each in a process of its own."""
    figures = {}
    for name, size, seconds in (("large", LARGE, 60), ("small", SMALL, 0.5)):
        command = [sys.executable, "-m", "tests.benchmarks.budget", *map(str, size)]
        run = measured([*command, "highs"], environ(folder / "state"))
        took = json.loads(run.stdout)
        figures[f"budget.{name}_seconds"] = at_most(took["seconds"], seconds, "s")
        if name == "large":
            figures["budget.build_seconds"] = at_most(took["build_seconds"], 10, "s")
            figures["budget.large_gib"] = at_most(run.peak_gib, 4, "GiB")
            figures["budget.large_pruned_ratio"] = Figure(took["pruned_ratio"], "")
            figures["budget.large_gap"] = at_most(took["gap"], 1e-6, "")
            cbc = json.loads(measured([*command, "cbc"], environ(folder / "state")).stdout)
            figures["budget.large_cbc_seconds"] = Figure(cbc["seconds"], "s")
    return figures


def main(channels: str, segments: str, offers: str, periods: str, solver: str) -> None:
    problem = planned_problem(int(channels), int(segments), int(offers), int(periods))
    method = Method(solver="cbc" if solver == "cbc" else "highs")
    solve(of_channels(EXAMPLE, 1_130_000), method)  # what loading the solver takes is not the problem's
    began = time.perf_counter()
    solution = solve(problem, method)
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - began,
                "build_seconds": solution.build_seconds,
                "pruned_ratio": solution.pruned / solution.variables,
                "gap": solution.gap,
                "return": solution.expected_return,
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:6])
