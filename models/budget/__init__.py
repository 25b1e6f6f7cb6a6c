"""Budget: which channels, segments and offers to buy, when, and why; as a linear programme.

problem (the data) → checks → form (arrays) → solve → explain; infeasible says what would have to give; curves and
realised learn from results.
"""
