"""Incidents as people at a terminal, or a program, see them."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape

from infra.incidents import Delivery, Incident, Told
from monitoring.messages import REASONS, in_words

_COLOURS = {"critical": "bold red", "warning": "bold yellow", "info": "bold"}


def facts(blocks: Sequence[str], incidents: Sequence[Incident], news: Sequence[Told]) -> dict[str, Any]:
    """All of it as JSON values."""
    return {
        "blocks": list(blocks),
        "open": [asdict(each) for each in incidents if each.closed_at is None],
        "resolved": [asdict(each) for each in incidents if each.closed_at is not None],
        "news": [asdict(each) for each in news],
    }


def show(
    console: Console, blocks: Sequence[str], incidents: Sequence[Incident], news: Sequence[Told], now: datetime
) -> None:
    """What is open first, then what was resolved, then news."""
    open_ones = [each for each in incidents if each.closed_at is None]
    resolved = [each for each in incidents if each.closed_at is not None]
    if not open_ones:
        _print(console, "[green]No incident is open.[/]")
    for each in open_ones:
        lasts = in_words(now - each.opened_at)
        colour = _COLOURS[each.severity]
        _print(console, f"[{colour}]{each.severity.upper()}[/]  [bold]{escape(each.headline)}[/]  ({escape(each.key)})")
        _print(console, f"      since {each.opened_at:%Y-%m-%d %H:%M} UTC, {lasts}")
        for reason in each.reasons[:REASONS]:
            _print(console, f"      - {escape(reason)}")
        if each.report:
            _print(console, f"      report: {escape(each.report)}")
        _print(console, f"      {_told(each.messages)}")
    if resolved:
        _print(console, "\n[bold]resolved[/]")
    for each in resolved:
        assert each.closed_at is not None
        lasted = in_words(each.closed_at - each.opened_at)
        when = f"{each.closed_at:%Y-%m-%d %H:%M} UTC, after {lasted}"
        _print(console, f"      {escape(each.headline)}  ({escape(each.key)})  [dim]{when}[/]")
    if news:
        _print(console, "\n[bold]news[/]")
    for told in news:
        headline = told.subject.removeprefix("[aimloop] ")
        _print(console, f"      {escape(headline)}  [dim]{told.written_at:%Y-%m-%d %H:%M} UTC[/]")
    if blocks:
        _print(console, f"\nTold: {', '.join(map(escape, blocks))}.")
    else:
        _print(
            console, "\nNobody is told: no block is named in \\[alerts] of aimloop.toml; `aimloop alerts add --help`."
        )


def _told(messages: Sequence[Told]) -> str:
    """Who heard of an incident the last time, and who could not be told."""
    if not messages or not messages[-1].deliveries:
        return "nobody was told"
    return "; ".join(_delivery(each) for each in messages[-1].deliveries)


def _delivery(delivery: Delivery) -> str:
    if delivery.sent_at is not None:
        return f"told {delivery.block} at {delivery.sent_at:%Y-%m-%d %H:%M} UTC"
    why = f" ({escape(delivery.failure)}, tried {delivery.tries} times)" if delivery.failure else ""
    if delivery.given_up_at is not None:
        return f"[red]{delivery.block} was never told[/]{why}"
    return f"[yellow]waits for {delivery.block}[/]{why}"


def _print(console: Console, line: str) -> None:
    console.print(line, highlight=False, soft_wrap=True)
