"""Migration: a picture and a table of who moved between segments since the cycle before."""

from pathlib import Path

import pandas as pd
from prefect.artifacts import create_link_artifact, create_markdown_artifact

from flows.context import Cycle
from infra.files import publish_text
from models.migration import NOWHERE, SMALLEST, migration, stayed, told

_COLOURS = ("#0072b2", "#009e73", "#e69f00", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#7f7f7f")  # Okabe & Ito
_NOBODY_BEFORE = "no earlier published cycle to compare segments with"


def report_migration(cycle: Cycle) -> str:
    """Compare segments with those of the latest earlier cycle that was scored and published; a word on it.

    Empty where nobody has a segment now.
    """
    now = _segments(cycle, cycle.id)
    if now.empty:
        return ""
    earlier = cycle.generation.query(
        "SELECT cycle_id, as_of FROM marts.scores WHERE as_of < $as_of AND segment IS NOT NULL "
        "ORDER BY as_of DESC, cycle_id LIMIT 1",
        as_of=cycle.as_of,
    )
    if earlier.empty:
        word = _NOBODY_BEFORE + _looked_back(cycle)
        create_markdown_artifact(key="segment-migration", markdown=word, description="Customers by segment.")
        return word
    streams, since = migration(_segments(cycle, earlier["cycle_id"][0]), now), f"{earlier['as_of'][0]:%Y-%m-%d}"
    path = cycle.reports / "segment-migration.html"
    publish_text(path, _page(streams, since, f"{cycle.as_of:%Y-%m-%d}"))
    create_markdown_artifact(
        key="segment-migration", markdown=_markdown(streams), description=f"Customers by segment since {since}."
    )
    create_link_artifact(key="segment-migration-picture", link=f"file://{path}", description=f"Since {since}.")
    return f"{stayed(streams):.0%} kept their segment since {since} ({_relative(path)})"


def _looked_back(cycle: Cycle) -> str:
    """There were earlier cycles, but not published: those that looked back from a later one."""
    results = cycle.door.ledger.earlier_results(cycle.id, "publish")
    return " (cycles that look back are not published)" if any("customers" not in r for r in results) else ""


def _segments(cycle: Cycle, cycle_id: str) -> pd.Series:
    scores = cycle.generation.query(
        "SELECT pseudonym, segment FROM marts.scores WHERE cycle_id = $id AND segment IS NOT NULL", id=cycle_id
    )
    return scores.set_index("pseudonym")["segment"]


def _page(streams: pd.DataFrame, since: str, until: str) -> str:
    """A Sankey diagram, self-contained: earlier segments on the left, today's on the right; small streams left out."""
    import plotly.graph_objects as go  # slow to load, and only where there is an earlier cycle

    streams, others = told(streams)
    names = [*sorted({*streams["before"], *streams["after"]} - {NOWHERE}), NOWHERE]
    colour = {name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate(names)} | {NOWHERE: "#bbbbbb"}
    left = {name: i for i, name in enumerate(names)}
    sizes = [streams.groupby(side)["customers"].sum() for side in ("before", "after")]
    figure = go.Figure(
        go.Sankey(
            arrangement="snap",
            node={
                "label": [f"{name} ({int(size.get(name, 0)):,})" for size in sizes for name in names],
                "color": [colour[name] for name in names] * 2,
                "pad": 18,
            },
            link={
                "source": streams["before"].map(left).tolist(),
                "target": (streams["after"].map(left) + len(names)).tolist(),
                "value": streams["customers"].tolist(),
                "color": [_faint(colour[name]) for name in streams["before"]],
                "customdata": streams["share"].round(2).tolist(),
                "hovertemplate": "%{source.label} → %{target.label}<br>%{value:,} customers, %{customdata:.0%}"
                "<extra></extra>",
            },
        )
    )
    title = f"Customers by segment: {since} (left) and {until} (right)"
    if others:
        title += f"<br><sup>left out: {others:,} in streams of fewer than {SMALLEST}</sup>"
    figure.update_layout(title=title, font={"size": 14, "family": "system-ui"})
    return str(figure.to_html(include_plotlyjs=True, full_html=True))


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.35)"


def _markdown(streams: pd.DataFrame) -> str:
    streams, others = told(streams)
    lines = ["| before | now | customers | share of before |", "|---|---|---:|---:|"]
    for row in streams.to_dict("records"):
        lines.append(f"| {row['before']} | {row['after']} | {row['customers']:,} | {row['share']:.0%} |")
    if others:
        lines.append(f"| streams of fewer than {SMALLEST} | | {others:,} | |")
    return "\n".join(lines)


def _relative(path: Path) -> str:
    return "/".join(path.parts[-3:])
