"""What people see of their data on the terminal."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.data import Seen, Written
from infra.inspection import TableInspection


def show_written(console: Console, result: Written) -> None:
    """What was guessed of each file, and what to do next."""
    for find in result.explored.finds:
        guess = find.guess
        if guess is None:
            console.print(f"[dim]{escape(find.origin)}: not used, it looks like none of our tables[/]", highlight=False)
            continue
        table = Table(title=f"{escape(find.origin)} → {guess.table}", title_justify="left", show_header=False, box=None)
        for ours, theirs in guess.columns.items():
            table.add_row(f"  {ours}", "←", escape(theirs))
        console.print(table)
        for ours in guess.missing:
            console.print(f"  [bold red]{ours}: not found[/]; name it in {result.file.name}", highlight=False)
        for column in find.times_unclear:
            console.print(f"  [yellow]{escape(column)}: day or month first?[/] Set day_first there", highlight=False)
        if guess.unused:
            console.print(f"  [dim]not used: {escape(', '.join(guess.unused))}[/]", highlight=False)
    for path, why in result.explored.unread:
        console.print(f"[yellow]{escape(path)} cannot be read:[/] {escape(why)}", highlight=False)
    console.print(f"\nWritten to {result.file}", highlight=False, soft_wrap=True)
    if result.is_complete:
        console.print("  → look: `aimloop inspect`, then go: `aimloop run`", highlight=False)
    else:
        console.print("  → no whole table of orders was found: name the missing columns there", highlight=False)


def show_inspection(console: Console, seen: Seen) -> None:
    """Each table as it would land, then the parts of the loop that it feeds."""
    if not seen.is_configured:
        console.print(
            "No aimloop.toml in this folder: these are the data that aimloop brings along. Yours: `aimloop init PATH…`"
        )
    for table in seen.tables:
        _show_table(console, table)
    parts = Table(title="What these data can feed", title_justify="left", show_header=False, box=None)
    for part in seen.parts:
        parts.add_row("  ✓" if part.is_fed else "  –", part.name, f"[dim]{escape(part.word)}[/]")
    console.print(parts)
    console.print("Nothing was written.", highlight=False)


def _show_table(console: Console, table: TableInspection) -> None:
    console.print(f"\n[bold]{table.table}[/] [dim]{escape(table.origin)}[/]", highlight=False)
    if table.problem:
        console.print(f"  [bold red]cannot land:[/] {escape(table.problem)}", highlight=False, soft_wrap=True)
        console.print(f"  [bold]→[/] {escape(table.remedy or '')}", highlight=False, soft_wrap=True)
        return
    aside = table.rows - table.accepted
    people = f", {table.customers:,} customers" if table.customers is not None else ""
    span = f", {table.first:%Y-%m-%d %H:%M} to {table.last:%Y-%m-%d %H:%M} UTC" if table.first and table.last else ""
    console.print(f"  {table.rows:,} rows, {table.accepted:,} would land{people}{span}", highlight=False)
    columns = Table(box=None, pad_edge=False)
    for heading in ("  column", "from", "read as", "empty"):
        columns.add_column(heading)
    for column, rate in table.null_rates.items():
        rules = [f"{c.rule} in {c.rows:,}" for c in table.conversions if c.column_name == column]
        if column in table.masked:
            rules.append(f"personal ({table.masked[column]}): masked, no model sees it")
        read = "; ".join([table.types.get(column, "varchar").replace("varchar", "text"), *rules])
        columns.add_row(
            f"  {column}", escape(table.mapping.get(column, "")), escape(read), f"{rate:.1%}" if rate else ""
        )
    console.print(columns)
    if aside:
        console.print(f"  {aside:,} would be set aside:", highlight=False)
    for reason in table.set_aside:
        console.print(f"  [yellow]{reason.rows:>9,}[/]  {escape(reason.reason)}", highlight=False)
        for example in reason.examples:
            cells = ", ".join(f"{name}={value}" for name, value in example.items() if value is not None)
            console.print(f"             [dim]{escape(cells)}[/]", highlight=False, soft_wrap=True)
