"""A budget plan as one HTML file that needs nothing else, in the look of the model cards."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from models.card.page import style
from models.card.phrases import figure
from models.plan_page import plots

FEW_POINTS = 2


def render(plan: Mapping[str, Any], cycle: str, as_of: str, written_at: str) -> str:
    """The page of a plan (`document.planned`, with ``realised`` and ``evidence``). Whatever comes from data is escaped.

    Args:
        plan: The document.
        cycle: Its cycle.
        as_of: Until when the cycle knew the world.
        written_at: Now.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(figure=figure, amount=amount, signed=signed, percent=percent)
    template = environment.from_string(files(__package__).joinpath("page.html.jinja").read_text(encoding="utf-8"))
    assumed = [line["channel"] for line in plan["allocation"] if line["cost_is"] == "assumed"]
    return template.render(
        style=style(),
        plan=plan,
        cycle=cycle,
        as_of=as_of,
        written_at=written_at,
        assumed=assumed,
        pictures={name: Markup(svg) for name, svg in _pictures(plan).items()},  # noqa: S704, it is our own SVG
        unplanned=sorted(
            {row["channel"] for row in plan["evidence"]} - {line["channel"] for line in plan["allocation"]}
        ),
    )


def _pictures(plan: Mapping[str, Any]) -> dict[str, str]:
    """What there are figures for, drawn."""
    found = {"allocation": plots.allocation(plan["allocation"])}
    if plan["frontier"] and any(row["expected_return"] is not None for row in plan["frontier"]):
        comparison = plan["comparison"]
        current = comparison if comparison and not comparison["keep_current"] else None
        found["frontier"] = plots.frontier(plan["frontier"], plan["budget"], plan["conservative"], current)
    if any(value["more"] and value["amount"] for value in plan["values"]):
        found["worth"] = plots.worth(plan["values"])
    realised = plan["realised"]
    compared = [row for row in realised["channels"] if row.get("planned_return") is not None] if realised else []
    if compared:
        found["attainment"] = plots.attainment(compared)
        if any(len(one["gaps"]) >= FEW_POINTS for one in realised["trend"]):
            found["trend"] = plots.trend(realised["trend"])
    return found


def amount(value: float | None) -> str:
    """Money or units: whole where they are large."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 or value == round(value) else f"{value:,.4g}"


def signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.5g}"


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value:+.1%}"
