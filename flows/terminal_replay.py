"""How people see a replay in a terminal: a line a cycle and a block while it runs, tables when it is done."""

import time
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from flows.replay.plan import Block, Plan
from models.replay.policies import POLICIES


class ReplayTeller:
    """Implements ``flows.replay.story.Teller``; how long it will take is told from what blocks took so far."""

    def __init__(self, console: Console, plan: Plan) -> None:
        self._console, self._blocks = console, plan.blocks()
        self._began = self._block_began = time.monotonic()
        self._played = 0
        self._live: Live | None = None

    def cycle(self, block: Block) -> None:
        self._block_began = time.monotonic()
        place = f"{block.number + 1} of {len(self._blocks)}"
        self._say(f"\n[bold]{place}[/] · cycle as of {block.since:%Y-%m-%d}{self._left(block)}")

    def day(self, block: Block, days: int, line: str) -> None:
        """After each day; what was decided stays on the screen, the rest is written over."""
        if line:
            self._stop()
            self._say(f"  {block.days[days - 1][1]:%Y-%m-%d}  {escape(line)}")
        if not self._console.is_terminal:
            return
        if self._live is None:
            self._live = Live(console=self._console, transient=True, refresh_per_second=8)
            self._live.start()
        self._live.update(Text(f"  block: day {days} of {len(block.days)}, until {block.days[days - 1][1]:%Y-%m-%d}"))

    def done(self, block: Block, line: str, *, is_new: bool) -> None:
        self._stop()
        if is_new:
            self._played += 1
            seconds = time.monotonic() - self._block_began
            self._say(f"[green]✓[/] block     {seconds:6.1f} s  {escape(line)}")
        else:
            self._say(f"[dim]✓ {block.number + 1} of {len(self._blocks)}    done  {escape(line)}[/]")

    def close(self) -> None:
        self._stop()

    def _left(self, block: Block) -> str:
        if not self._played:
            return ""
        seconds = (time.monotonic() - self._began) / self._played * (len(self._blocks) - block.number)
        return f" · about {max(seconds / 60, 1):.0f} min left"

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True)

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def show_replay(console: Console, document: dict[str, Any]) -> None:
    """Cycles with their models, experiments, planted changes, and what the loop gained."""
    plan = document["plan"]
    console.print(f"\nReplay [bold]{plan['name']}[/], {len(document['turns'])} cycles", highlight=False)
    console.print(_models(document))
    for trial in document["trials"]:
        console.print(
            f"  experiment {trial['id']}, {trial['model']}, from {trial['started_at'][:10]}: {escape(trial['end'])}",
            highlight=False,
            soft_wrap=True,
        )
    for reaction in document["reactions"]:
        _show_reaction(console, reaction)
    if document["gains"]:
        console.print("What the loop gained, on the same rows (95 % intervals by customer)", highlight=False)
        _show_gains(console, document["gains"])
        console.print(f"Assumed: {document['assumption']}", highlight=False, soft_wrap=True)
    console.print(f"Report: {document['report']}", highlight=False, soft_wrap=True)


def _models(document: dict[str, Any]) -> Table:
    table = Table(title="Versions: headline metric, and what became of them", title_justify="left")
    names = [found["model"] for found in document["turns"][0]["trained"]]
    for heading in ("as of", *names):
        table.add_column(heading, overflow="fold")
    for turn in document["turns"]:
        table.add_row(turn["as_of"][:10], *(_cell(found) for found in turn["trained"]))
    return table


def _cell(found: dict[str, Any]) -> str:
    if found["tag"] is None:
        return "–"
    return f"{found['value']:.3f} {found['decision'] or 'champion'}"


def _show_reaction(console: Console, reaction: dict[str, Any]) -> None:
    console.print(f"Planted: [bold]{reaction['kind']}[/] from {reaction['at'][:10]} on", highlight=False)
    for what, found in reaction["steps"].items():
        told = f"{found[0][:10]}  {escape(found[1])}" if found else "[dim]not within the replay[/]"
        console.print(f"  {what:<38} {told}", highlight=False, soft_wrap=True)


def _show_gains(console: Console, gains: list[dict[str, Any]]) -> None:
    measure = None
    for gain in gains:
        if gain["measure"] != measure:
            measure = gain["measure"]
            console.print(f"  [bold]{measure}[/]: the loop {gain['loop']:.5g}", highlight=False)
        d, other = gain["difference"], f"{POLICIES[gain['over']]} {gain['other']:.5g}"
        span = f"{d['value']:+.3g} ({d['low']:+.3g} to {d['high']:+.3g})"
        console.print(f"    {other:<26} {span}: {gain['verdict']}", highlight=False, soft_wrap=True)
