"""What people see of trained versions on the terminal."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from models.card.phrases import ATTRIBUTES, METRICS, figure, share


def show_list(console: Console, versions: list[dict[str, Any]]) -> None:
    """A line a version: what it was trained on, its headline metric beside the baseline, and its standing."""
    if not versions:
        console.print("No version yet: `aimloop run` trains the first.", highlight=False)
        return
    table = Table(title="Versions, oldest first; services answer with champions", title_justify="left", box=None)
    for heading in ("version", "metric, 95 %", "baseline", "standing"):
        table.add_column(heading, no_wrap=True, justify="right" if heading == "baseline" else "left")
    for v in versions:
        name, value, span, baseline = "", "", "", ""
        if v["headline"]:
            name, value, span, baseline = _measured(v["metrics"], v["intervals"], v["headline"], v["baseline"])
        standing = f"[bold]{v['standing']}[/]" if v["standing"] == "champion" else v["standing"]
        table.add_row(escape(v["tag"]), f"{name} {value}", baseline, standing)
        when = f"knew until {(v['trained_until'] or '')[:10]}, made {v['registered_at'][:10]}"
        erased = f"learned from {v['learned_from_erased']} since erased" if v["learned_from_erased"] else ""
        table.add_row(*(f"[dim]{text}[/]" if text else "" for text in (when, span, "", erased)))
    console.print(table)
    console.print("[bold]aimloop models show TAG[/] tells more of one, and where its card lies.", highlight=False)


def show_version(console: Console, version: dict[str, Any]) -> None:
    """Metrics against baselines and earlier windows, segments, drivers, groups with a gap, and the card's path."""
    content = version["content"]
    erased = version["learned_from_erased"]
    console.print(f"\n[bold]{escape(version['tag'])}[/], {version['standing']}", highlight=False)
    if content:
        console.print(escape(content["words"]["what"]), highlight=False)
        console.print(_data(content), highlight=False)
    if erased:
        console.print(f"[yellow]Learned from {erased} since erased: the next run puts another in its place.[/]")
    console.print(_metrics(version))
    if content:
        for table in (_segments(content), _drivers(content)):
            if table is not None:
                console.print(table)
        _show_slices(console, content)
    where = version["card"] or "none was written for this version; the next `aimloop run` of a new cycle writes one"
    console.print(f"Model card: {escape(where)}", highlight=False, soft_wrap=True)


def _data(content: dict[str, Any]) -> str:
    trained, evaluated = content["trained_on"], content["evaluated_on"]
    return (
        f"Trained on {trained['rows']:,} rows of {trained['customers']:,} customers known on {content['origin']}; "
        f"evaluated on {evaluated['rows']:,} until {content['evaluated_until']}."
    )


def _metrics(version: dict[str, Any]) -> Table:
    """Earlier windows are headed by the month and day of their origin: a terminal is narrow."""
    table = Table(title="On later time than training; to the right, windows before", title_justify="left", box=None)
    table.add_column("metric", min_width=20)
    for heading in ("value", "95 % interval", "baseline", *(origin[5:] for origin in version["earlier_windows"])):
        table.add_column(heading, justify="right", no_wrap=True)
    for name in version["metrics"]:
        if name == version["baseline"] or name.startswith("baseline_"):
            continue
        baseline = version["baseline"] if name == version["headline"] else f"baseline_{name}"
        measured = _measured(version["metrics"], version["intervals"], name, baseline)
        earlier = (figure(metrics[name]) if name in metrics else "" for metrics in version["earlier_windows"].values())
        table.add_row(*measured, *earlier)
    return table


def _measured(
    metrics: dict[str, float], intervals: dict[str, list[float]], name: str, baseline: str | None
) -> tuple[str, str, str, str]:
    """Name in words, value, interval and baseline."""
    low_high = intervals.get(name)
    span = f"{figure(low_high[0])} – {figure(low_high[1])}" if low_high else ""
    compared = figure(metrics[baseline]) if baseline in metrics else ""
    return METRICS.get(name, (name.replace("_", " "), ""))[0], figure(metrics[name]), span, compared


def _segments(content: dict[str, Any]) -> Table | None:
    if not content["segments"]:
        return None
    table = Table(title="Segments", title_justify="left", box=None)
    table.add_column("segment")
    for heading in ("customers", "share"):
        table.add_column(heading, justify="right")
    table.add_column("strategy")
    for s in content["segments"]:
        table.add_row(escape(s["name"]), figure(s["customers"]), share(s["share"]), escape(s["strategy"]))
    return table


def _drivers(content: dict[str, Any]) -> Table | None:
    if not content["drivers"]:
        return None
    table = Table(title="What moves it", title_justify="left", box=None)
    table.add_column("driver")
    table.add_column("share", justify="right")
    table.add_column("direction")
    for driver in content["drivers"]:
        table.add_row(escape(driver["driver"]), share(driver["share"]), escape(driver["direction"]))
    return table


def _show_slices(console: Console, content: dict[str, Any]) -> None:
    """Groups with a gap, each with its reason; how many were looked at, and of how many there is too little."""
    slices = content["slices"]
    if not slices:
        return
    gaps = [s for s in slices if s["verdict"] == "gap"]
    few = sum(s["verdict"] == "too few to say" for s in slices)
    line = f"Groups of customers: {len(slices)} looked at, {len(gaps)} with a gap, {few} too few to say"
    console.print(f"{line} (all rows: predicted ÷ observed {content['ratio']['value']:.2f})", highlight=False)
    for s in gaps:
        group = f"{ATTRIBUTES.get(s['attribute'], s['attribute'])} {s['value']}"
        console.print(f"  [yellow]gap[/] {escape(group)}: {'; '.join(s['reasons'])}", highlight=False)
