"""Migration: a picture and a table of who moved between segments since the cycle before."""

from pathlib import Path

import pandas as pd
from prefect.artifacts import create_link_artifact, create_markdown_artifact

from flows.context import Cycle
from infra.files import publish_text
from models.migration import NOWHERE, migration, stayed

_COLOURS = ("#0072b2", "#009e73", "#e69f00", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#7f7f7f")  # Okabe & Ito
_SMALLEST = 5  # streams of fewer customers are told in the table as one, so that nobody is pointed at


def report_migration(cycle: Cycle) -> str:
    """Compare segments with those of the latest earlier cycle that was scored; a word on it, empty without one."""
    earlier = cycle.generation.query(
        "SELECT cycle_id, as_of FROM marts.scores WHERE as_of < $as_of AND segment IS NOT NULL "
        "ORDER BY as_of DESC, cycle_id LIMIT 1",
        as_of=cycle.as_of,
    )
    if earlier.empty:
        return ""
    before, now = (_segments(cycle, cycle_id) for cycle_id in (earlier["cycle_id"][0], cycle.id))
    if now.empty:
        return ""
    streams, since = migration(before, now), f"{earlier['as_of'][0]:%Y-%m-%d}"
    path = cycle.reports / "segment-migration.html"
    publish_text(path, _page(streams, since, f"{cycle.as_of:%Y-%m-%d}"))
    create_markdown_artifact(
        key="segment-migration", markdown=_markdown(streams), description=f"Customers by segment since {since}."
    )
    create_link_artifact(key="segment-migration-picture", link=f"file://{path}", description=f"Since {since}.")
    return f"{stayed(streams):.0%} kept their segment since {since} ({_relative(path)})"


def _segments(cycle: Cycle, cycle_id: str) -> pd.Series:
    scores = cycle.generation.query(
        "SELECT pseudonym, segment FROM marts.scores WHERE cycle_id = $id AND segment IS NOT NULL", id=cycle_id
    )
    return scores.set_index("pseudonym")["segment"]


def _page(streams: pd.DataFrame, since: str, until: str) -> str:
    """A Sankey diagram, self-contained: earlier segments on the left, today's on the right."""
    import plotly.graph_objects as go  # slow to load, and only where there is an earlier cycle

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
                "customdata": streams["share"].tolist(),
                "hovertemplate": "%{source.label} → %{target.label}<br>%{value:,} customers, %{customdata:.0%}"
                "<extra></extra>",
            },
        )
    )
    figure.update_layout(
        title=f"Customers by segment: {since} (left) and {until} (right)", font={"size": 14, "family": "system-ui"}
    )
    return str(figure.to_html(include_plotlyjs=True, full_html=True))


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.35)"


def _markdown(streams: pd.DataFrame) -> str:
    small = streams["customers"] < _SMALLEST
    lines = ["| before | now | customers | share of before |", "|---|---|---:|---:|"]
    for row in streams[~small].to_dict("records"):
        lines.append(f"| {row['before']} | {row['after']} | {row['customers']:,} | {row['share']:.0%} |")
    if small.any():
        lines.append(f"| streams of fewer than {_SMALLEST} | | {streams.loc[small, 'customers'].sum():,} | |")
    return "\n".join(lines)


def _relative(path: Path) -> str:
    return "/".join(path.parts[-3:])
