"""Lineage read from the SQL that dbt compiled, parsed by sqlglot."""

import csv
from collections.abc import Iterator, Mapping
from typing import Any

from sqlglot import MappingSchema, exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node
from sqlglot.lineage import lineage as trace
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope, find_all_in_scope

from infra import dbt
from infra.catalogue.lineage import ROWS, Lineage, Reader, Ref, Table
from infra.catalogue.project import Compiled, TableName
from infra.errors import AimloopError

_DIALECT = "duckdb"

# The clauses of a SELECT that decide which rows it has, by sqlglot's names.
_CLAUSES = ("joins", "where", "group", "having", "qualify", "order", "windows", "distinct")


def read_lineage(compiled: Compiled) -> Lineage:
    """The lineage of every column of the project.

    Raises:
        AimloopError: a model's SQL cannot be followed; names it.
    """
    manifest = compiled.manifest
    nodes = {**manifest["sources"], **manifest["nodes"]}
    names = {_relation(node): table_name(node) for node in nodes.values() if node.get("relation_name")}
    schema = MappingSchema(dialect=_DIALECT)
    tables = []
    for node in _in_order(manifest):
        relation = _relation(node)
        if node["resource_type"] == "model":
            try:
                table = _Model(node, schema, names).table()
            except SqlglotError as error:
                path = f"dbt_project/{node['original_file_path']}"
                raise AimloopError(
                    f"the lineage of {path} cannot be read: {error}",
                    "write that part of the SQL in another way, or see infra/catalogue/sql_lineage.py",
                ) from error
        else:
            columns: dict[str, list[Ref]] = {column: [] for column in _given_columns(node, compiled.tables)}
            table = Table(table_name(node), _layer(node), _file(node), columns, [], [])
        database, db, name = relation
        schema.add_table(exp.table_(name, db, database), dict.fromkeys(table.columns, "unknown"))
        tables.append(table)
    return Lineage(tables, [_reader(exposure, nodes) for exposure in manifest["exposures"].values()])


class _Model:
    """One model's SQL, every column in it qualified by its table."""

    def __init__(self, node: Mapping[str, Any], schema: MappingSchema, names: Mapping[TableName, str]) -> None:
        self._node, self._schema, self._names = node, schema, names
        parsed = parse_one(node["compiled_code"], dialect=_DIALECT)
        self._query = qualify(parsed, schema=schema, dialect=_DIALECT)
        scope = build_scope(self._query)
        if scope is None:
            raise SqlglotError("not a SELECT")
        self._scope: Scope = scope

    def table(self) -> Table:
        traced = trace(None, self._query, self._schema, dialect=_DIALECT, scope=self._scope, trim_selects=False)
        columns = {name: sorted(set(self._leaves(node))) for name, node in traced.items()}
        name, layer = table_name(self._node), _layer(self._node)
        return Table(name, layer, _file(self._node), columns, self._chosen_by(), self._tables_in(self._query))

    def _leaves(self, node: Node) -> Iterator[Ref]:
        """The columns of other tables at the ends of a trace; count(*) ends at the rows of its tables."""
        for end in node.walk():
            if end.downstream:
                continue
            if isinstance(end.expression, exp.Table):
                yield Ref(self._table_name(end.expression), exp.to_column(end.name, dialect=_DIALECT).name)
            elif isinstance(end.expression, exp.Placeholder):
                raise SqlglotError(f"no table for {end.name}")
            elif end.expression.find(exp.AggFunc, exp.Window):
                for table in self._tables_in(end.source) or self._tables_in(self._query):
                    yield Ref(table, ROWS)

    def _chosen_by(self) -> list[Ref]:
        found: set[Ref] = set()
        traced: dict[tuple[int, str], list[Ref]] = {}
        scopes = list(self._scope.traverse())
        owners = {id(c): scope for scope in scopes for c in find_all_in_scope(scope.expression, exp.Column)}
        for scope in scopes:
            for column in _deciding_columns(scope.expression):
                owner = owners.get(id(column))
                source = owner.sources.get(column.table) if owner else None
                if isinstance(source, exp.Table):
                    found.add(Ref(self._table_name(source), column.name))
                elif isinstance(source, Scope) and isinstance(source.expression, exp.Query):
                    at = (id(source), column.name)
                    if at not in traced:
                        traced[at] = list(self._leaves(self._trace(column.name, source)))
                    found.update(traced[at])
        return sorted(found)

    def _trace(self, column: str, scope: Scope) -> Node:
        return trace(column, scope.expression, self._schema, dialect=_DIALECT, scope=scope, trim_selects=False)

    def _tables_in(self, query: exp.Expr) -> list[str]:
        """The tables of the project that a query takes rows from; the one row of the cycle is none of them."""
        found = {self._table_name(table) for table in query.find_all(exp.Table) if table.db}
        return sorted(found - {"cycle"})

    def _table_name(self, table: exp.Table) -> str:
        key = (table.catalog, table.db, table.name)
        if key not in self._names:
            raise SqlglotError(f"{table.sql(_DIALECT)} is neither a model nor a source")
        return self._names[key]


def _deciding_columns(select: exp.Expr) -> Iterator[exp.Column]:
    for clause in _CLAUSES:
        given = select.args.get(clause)
        for part in given if isinstance(given, list) else [given]:
            if isinstance(part, exp.Expr):
                yield from part.find_all(exp.Column)
    group = select.args.get("group")
    if group is not None and group.args.get("all"):
        for projection in select.expressions:
            if not projection.find(exp.AggFunc):
                yield from projection.find_all(exp.Column)


def _in_order(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Sources, seeds and models, each after what it depends on."""
    waiting = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] in ("model", "seed")}
    yield from manifest["sources"].values()
    while waiting:
        ready = [key for key, node in waiting.items() if not set(node["depends_on"].get("nodes", [])) & set(waiting)]
        for key in ready:
            yield waiting.pop(key)


def _given_columns(node: Mapping[str, Any], tables: Mapping[TableName, Mapping[str, str]]) -> list[str]:
    if node["resource_type"] == "source":
        return list(tables[_relation(node)])
    with (dbt.PROJECT / node["original_file_path"]).open(encoding="utf-8", newline="") as seed:
        return next(csv.reader(seed))


def _reader(exposure: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]]) -> Reader:
    tables = [table_name(nodes[key]) for key in exposure["depends_on"]["nodes"]]
    return Reader(exposure["name"], exposure["type"], " ".join(exposure["description"].split()), tables)


def _relation(node: Mapping[str, Any]) -> TableName:
    return node["database"], node["schema"], node.get("identifier") or node.get("alias") or node["name"]


def table_name(node: Mapping[str, Any]) -> str:
    """Sources by their source's name too, but for the cycle's one table, which is called as the source is."""
    is_source = node["resource_type"] == "source" and node["source_name"] != node["name"]
    return f"{node['source_name']}.{node['name']}" if is_source else str(node["name"])


def _layer(node: Mapping[str, Any]) -> str:
    if node["resource_type"] == "model":
        return str(node["fqn"][1])
    return str(node.get("source_name") or node["resource_type"])


def _file(node: Mapping[str, Any]) -> str:
    return f"dbt_project/{node['original_file_path']}"
