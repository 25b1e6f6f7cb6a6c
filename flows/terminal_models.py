"""What people see of trained versions on the terminal."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from models.card.phrases import attribute_in_words, figure, measured, metric_in_words, setting, share, words

MAX_COLUMN = 24  # letters: three earlier windows


def show_list(console: Console, versions: list[dict[str, Any]]) -> None:
    """A line a version: what it was trained on, its headline metric beside the baseline, and its standing."""
    if not versions:
        console.print("No version yet: `aimloop run` trains the first.", highlight=False)
        return
    table = Table(title="Versions, oldest first; services answer with champions", title_justify="left", box=None)
    for heading in ("version", "metric, 95 %", "baseline", "standing"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "baseline" else "left")
    for v in versions:
        name, value, span, baseline = "", "", "", ""
        if v["headline"]:
            name, value, span, baseline = measured_row(v["metrics"], v["intervals"], v["headline"], v["baseline"])
        standing = f"[bold]{v['standing']}[/]" if v["standing"] == "champion" else v["standing"]
        if v["share"] is not None:
            standing += f", {share(v['share']) if v['share'] else 'shadow'}"
        table.add_row(escape(v["tag"]), f"{name} {value}", baseline, standing)
        when = f"knew until {(v['trained_until'] or '')[:10]}, made {v['registered_at'][:10]}"
        erased = f"learned from {v['learned_from_erased']} since erased" if v["learned_from_erased"] else ""
        table.add_row(*(f"[dim]{text}[/]" if text else "" for text in (when, span, "", erased)))
    console.print(table)
    console.print("[bold]aimloop models show TAG[/] tells more of one, and where its card lies.", highlight=False)


def show_version(console: Console, version: dict[str, Any]) -> None:
    """Metrics against baselines and earlier windows, segments, drivers, what hastens an order, groups with a gap, how
    settings were found, and the card's path; a card of an earlier release has less.
    """
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
        for table in (_segments(content), _drivers(content), _hazard_ratios(content)):
            if table is not None:
                console.print(table)
        _show_slices(console, content)
        _show_tuning(console, content.get("tuning"))
    where = version["card"] or "none was written for this version; the next `aimloop run` of a new cycle writes one"
    console.print(f"Model card: {escape(where)}", highlight=False, soft_wrap=True)


def _data(content: dict[str, Any]) -> str:
    trained, evaluated, until = content["trained_on"], content["evaluated_on"], content["evaluated_until"]
    came = content.get("outcomes_until", until)
    return (
        f"Trained on {trained['rows']:,} rows of {trained['customers']:,} customers known on {content['origin']}; "
        f"evaluated on {evaluated['rows']:,} until {until}" + (f", outcomes until {came}." if came != until else ".")
    )


def _metrics(version: dict[str, Any]) -> Table:
    """Earlier windows share a column, so that it fits into 80 letters."""
    earlier = version["earlier_windows"]
    title = "On later time than training" + (f"; earlier: windows from {', '.join(earlier)}" if earlier else "")
    table = Table(title=title, title_justify="left", box=None)
    rows: list[tuple[str, ...]] = []
    for name in version["metrics"]:
        if name == version["baseline"] or name.startswith("baseline_"):
            continue
        baseline = version["baseline"] if name == version["headline"] else f"baseline_{name}"
        found = measured_row(version["metrics"], version["intervals"], name, baseline)
        before = " ".join(measured(name, metrics[name]) for metrics in earlier.values() if name in metrics)
        rows.append((*found, before) if earlier else found)
    table.add_column("metric", overflow="fold")
    for place, heading in enumerate(("value", "95 % interval", "baseline", *(["earlier"] if earlier else [])), start=1):
        is_narrow = all(len(row[place]) <= MAX_COLUMN for row in rows)
        table.add_column(heading, justify="right", no_wrap=is_narrow, overflow="fold")  # names fold, figures do not
    for row in rows:
        table.add_row(*row)
    return table


def measured_row(
    metrics: dict[str, float], intervals: dict[str, list[float]], name: str, baseline: str | None
) -> tuple[str, str, str, str]:
    """Name in words, value, interval and baseline."""
    low_high = intervals.get(name)
    span = f"{figure(low_high[0])} – {figure(low_high[1])}" if low_high else ""
    compared = measured(name, metrics[baseline]) if baseline in metrics else ""
    return metric_in_words(name), measured(name, metrics[name]), span, compared


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


def _hazard_ratios(content: dict[str, Any]) -> Table | None:
    if not content.get("hazard_ratios"):
        return None
    title = "What hastens the next order: above 1 it comes sooner, for more of the driver"
    table = Table(title=title, title_justify="left", box=None)
    table.add_column("driver")
    for heading in ("hazard ratio", "95 % interval"):
        table.add_column(heading, justify="right")
    for h in content["hazard_ratios"]:
        table.add_row(escape(h["driver"]), f"{h['ratio']:.2f}", f"{h['low']:.2f} – {h['high']:.2f}")
    return table


def _show_slices(console: Console, content: dict[str, Any]) -> None:
    """Groups with a gap, each with its reason; how many were judged, and of how many there is too little."""
    slices = content["slices"]
    if not slices:
        return
    judged = [s for s in slices if s["verdict"] in ("", "gap")]
    gaps = [s for s in judged if s["verdict"] == "gap"]
    few = f"; {len(slices) - len(judged)} too few to say" if len(judged) < len(slices) else ""
    line = f"Groups of customers: {len(gaps)} of {len(judged)} judged have a gap{few}"
    of_all = f" (all rows: predicted ÷ observed {figure(content['ratio']['value'])})" if content["ratio"] else ""
    console.print(line + of_all, highlight=False)
    for s in gaps:
        group = f"{attribute_in_words(s['attribute'])} {s['value']}"
        console.print(f"  [yellow]gap[/] {escape(group)}: {'; '.join(s['reasons'])}", highlight=False)


def _show_tuning(console: Console, tuning: dict[str, Any] | None) -> None:
    """What the search for settings tried, on which windows, and what it changed."""
    if tuning is None:
        return
    took = f" in {figure(tuning['seconds'])} seconds" if tuning["seconds"] is not None else ""
    changes = (
        f"{words(name)} {f'from {setting(name, given)} ' if given is not None else ''}to {setting(name, found)}"
        for name, (given, found) in tuning["changed"].items()
    )
    console.print(
        f"Settings searched for: {tuning['trials']} trials{took} on the windows from {', '.join(tuning['windows'])}; "
        f"mean loss {tuning['loss_before']:.4g} with what was given, {tuning['loss']:.4g} with the best; changed: "
        f"{', '.join(changes) or 'nothing'}",
        highlight=False,
    )
