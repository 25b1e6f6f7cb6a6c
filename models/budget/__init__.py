"""Budget: which channels, segments and offers to buy, when, and why; as a linear programme.

problem (the data) → checks → form (arrays) → solve → explain; infeasible says what would have to give; curves and
realised learn from results. ``plan`` is the simplest use: one table of channels and a budget.
"""

from models.budget.channel_plan import Params, Plan, Purchase, Solver, plan

__all__ = ["Params", "Plan", "Purchase", "Solver", "plan"]
