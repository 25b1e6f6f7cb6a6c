"""What the data mean and where they come from: lineage, docs."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.tree import Tree

from flows.commands.app import AsJson, app, explained, print_json
from flows.context import open_door
from infra.catalogue.lineage import Lineage, Ref


@app.command()
def lineage(
    column: Annotated[
        str, typer.Argument(help="Such as customer_features.orders_56d, orders_56d (of every mart), raw.orders.amount.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show from which raw columns a column comes, step by step, and which marts and models it feeds.

    Read from the SQL of the dbt project; no data is looked at.
    """
    from flows.catalogue import described, learned_from, project_lineage

    with explained():
        door = open_door()
        with Console(stderr=True).status("reading the dbt project"):
            graph = project_lineage(door)
        found = [(ref, described(graph, ref, learned_from(door))) for ref in graph.find(column)]
    if as_json:
        print_json({"columns": [facts for _, facts in found]})
        return
    console = Console()
    for ref, facts in found:
        _show(console, graph, ref, facts)


@app.command()
def docs(as_json: AsJson = False) -> None:
    """Write the documentation of every table and column as one page, and say where it lies."""
    from flows.catalogue import documentation

    with explained():
        door = open_door()
        with Console(stderr=True).status("documenting the dbt project"):
            page = documentation(door)
    if as_json:
        print_json({"page": str(page)})
    else:
        Console().print(f"Every table and column: open {page} in a browser", highlight=False, soft_wrap=True)


def _show(console: Console, graph: Lineage, ref: Ref, facts: dict[str, Any]) -> None:
    """The tree back to the raw columns, then what the column feeds."""
    console.print()
    console.print(_tree(graph, ref), highlight=False, soft_wrap=True)
    for title, names in (
        ("begins with", facts["begins_with"]),
        ("rows chosen by", facts["rows_chosen_by"]),
        ("feeds", facts["feeds"]),
        ("chooses rows of", facts["chooses_rows_of"]),
    ):
        if names:
            console.print(f"[bold]{title}[/] {', '.join(names)}", highlight=False, soft_wrap=True)
    for reader in facts["read_by"]:
        learned = f"learns from {', '.join(reader['features'])}" if reader["features"] else ""
        columns = f"reads {', '.join(reader['columns'])}"
        console.print(
            f"[bold]{reader['name']}[/] ({reader['kind']}) {learned or columns}", highlight=False, soft_wrap=True
        )


def _tree(graph: Lineage, root: Ref) -> Tree:
    """A column over those it is computed from; what was shown above is not unfolded again."""
    shown: set[Ref] = set()

    def label(ref: Ref, is_repeated: bool) -> str:
        return f"{ref}  [dim]{'see above' if is_repeated else graph.tables[ref.table].file}[/]"

    def grow(branch: Tree, ref: Ref) -> None:
        for source in graph.sources(ref):
            is_repeated = source in shown and bool(graph.sources(source))
            twig = branch.add(label(source, is_repeated))
            if not is_repeated:
                shown.add(source)
                grow(twig, source)

    tree = Tree(label(root, is_repeated=False))
    grow(tree, root)
    return tree
