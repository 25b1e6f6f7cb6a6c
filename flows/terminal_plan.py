"""How people see a budget plan in a terminal."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from models.budget.words import below_cost

MOST_WORDS, MOST_VALUES = 8, 12
FRONTIER_ROWS = 7


def show_plan(console: Console, plan: dict[str, Any]) -> None:
    """Everything there is to say: the allocation, today's plan beside it, what binds, the next money, the frontier."""
    show_allocation(console, plan)
    if plan["status"] != "optimal":
        gap = "unknown" if plan["gap"] is None else f"at most {plan['gap']:.2%}"
        console.print(f"[yellow]Time ran out:[/] the best plan found; the gap to the best there is: {gap}.")
    if plan["comparison"]:
        console.print(f"Today: {escape(plan['comparison']['words'])}.", highlight=False, soft_wrap=True)
    if plan["values"]:
        console.print(_values(plan["values"]))
    _show_next(console, plan["next_money"])
    if plan["conservative"]:
        _show_conservative(console, plan["conservative"])
    elif plan.get("not_conservative"):
        why = escape(plan["not_conservative"])
        console.print(f"No plan for the low end of returns: {why}.", highlight=False, soft_wrap=True)
    if plan["frontier"]:
        console.print(_frontier(plan["frontier"], plan["budget"]))
    for source in plan["sources"]:
        console.print(f"{escape(source['channel'])}: {escape(source['words'])}", highlight=False, soft_wrap=True)


def show_cycles_plan(console: Console, plan: dict[str, Any]) -> None:
    """What a cycle planned, and what came of the plan before; plans of earlier code tell less."""
    show_allocation(console, plan)
    if plan.get("comparison"):
        console.print(f"Before: {escape(plan['comparison']['words'])}.", highlight=False, soft_wrap=True)
    for line in attained(plan.get("realised")):
        console.print(escape(line), highlight=False, soft_wrap=True)
    if plan.get("report"):
        console.print(f"Budget report: {escape(plan['report'])}", highlight=False, soft_wrap=True)


def attained(realised: dict[str, Any] | None) -> list[str]:
    """Planned against realised, in a line for all channels of the last plan."""
    if realised is None:
        return []
    lines = [f"Last plan ({realised['cycle']}): {realised['line']}"]
    return [*lines, *(f"  {row['channel']}: {row['words']}" for row in realised["channels"] if row["is_measured"])]


def show_allocation(console: Console, plan: dict[str, Any]) -> None:
    """What to buy; costs and returns that are not the user's own are marked as assumed."""
    is_assumed = any(line.get("cost_is", "assumed") == "assumed" for line in plan["allocation"])
    mark = " (assumed)" if is_assumed else ""
    budget = "" if plan["budget"] is None else f" of {plan['budget']:,.0f}"
    gain = f"{plan['expected_return']:,.0f}{_span(plan.get('interval'))}"
    title = f"Budget plan: return {gain} for {plan['cost']:,.0f}{budget}"
    table = Table(title=title, title_justify="left")
    for heading in ("channel", "units", f"cost{mark}", f"return{mark}", "binds"):
        table.add_column(heading, justify="left" if heading in ("channel", "binds") else "right")
    for line in plan["allocation"]:
        table.add_row(escape(line["channel"]), *_amounts(line), line["binds"] or "")
        for part in line.get("parts") or []:
            name = " · ".join(part[key] for key in ("segment", "offer", "period") if key in part)
            table.add_row(f"  [dim]{escape(name)}[/]", *(f"[dim]{cell}[/]" for cell in _amounts(part)), "")
    console.print(table)
    if (doubt := below_cost(plan["cost"], plan["expected_return"])) is not None:
        console.print(doubt, highlight=False)
    more = plan["marginal_return"]
    told = "an amount that is not known: time ran out" if more is None else f"{more:+.5f}"
    console.print(f"One more unit of budget returns {told}.", highlight=False)


def _amounts(line: dict[str, Any]) -> list[str]:
    return [f"{line[name]:,.0f}" for name in ("units", "cost", "expected_return")]


def _span(interval: list[float] | None) -> str:
    return "" if interval is None else f" ({interval[0]:,.0f} to {interval[1]:,.0f})"


def _values(values: list[dict[str, Any]]) -> Table:
    table = Table(title="What binds, and by what the return changes", title_justify="left")
    table.add_column("limit", overflow="fold")
    table.add_column("one more", justify="right")
    table.add_column("one less", justify="right")
    for value in values[:MOST_VALUES]:
        less = "no plan" if value["less"] is None else f"{-value['less']:+.5g}"
        more = "no plan" if value["more"] is None else f"{value['more']:+.5g}"
        table.add_row(escape(value["words"]), more, less)
    if len(values) > MOST_VALUES:
        table.add_row(f"and {len(values) - MOST_VALUES} more: --json has all", "", "")
    return table


def _show_next(console: Console, steps: list[dict[str, Any]]) -> None:
    for number, step in enumerate(steps[:MOST_WORDS], start=1):
        console.print(f"{number}. {escape(step['words'])}", highlight=False, soft_wrap=True)
    if len(steps) > MOST_WORDS:
        console.print(f"   and {len(steps) - MOST_WORDS} more: --json has all", highlight=False)


def _show_conservative(console: Console, plan: dict[str, Any]) -> None:
    bought = ", ".join(f"{escape(line['channel'])} {line['units']:,.0f}" for line in plan["allocation"])
    console.print(
        f"Conservative: if every return lay at the low end, the best would be {bought}, returning "
        f"{plan['expected_return']:,.0f}; this plan would then return {plan['plan_at_low']:,.0f}.",
        highlight=False,
        soft_wrap=True,
    )


def _frontier(rows: list[dict[str, Any]], budget: float | None) -> Table:
    """A few of the frontier's rows, the budget's own among them."""
    told = [row for row in rows if row["expected_return"] is not None]
    step = max(1, len(told) // FRONTIER_ROWS)
    shown = [row for i, row in enumerate(told) if i % step == 0 or row["budget"] == budget or row is told[-1]]
    table = Table(title="Best return by budget", title_justify="left")
    for heading in ("budget", "return", "one more returns", ""):
        table.add_column(heading, justify="right")
    for row in shown:
        mark = "◀ this budget" if row["budget"] == budget else ""
        mark += " (best found in time)" if row.get("status") == "best found" else ""
        more = "not known" if row["marginal_return"] is None else f"{row['marginal_return']:+.5f}"
        cells = f"{row['budget']:,.0f}", f"{row['expected_return']:,.0f}", more
        table.add_row(*cells, mark)
    return table
