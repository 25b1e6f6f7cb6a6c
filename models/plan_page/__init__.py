"""The page of a budget plan: the plan, its reasons, and what came of the last one."""
