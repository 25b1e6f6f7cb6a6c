"""Rows of files or of a database, before anyone has said which column means what."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

RUNAWAY_QUOTE = "a quote that never closes"


@dataclass(frozen=True)
class Rows:
    """A DuckDB SELECT and its columns; ``is_text``: values are texts whose meaning is still to be read.

    ``unread`` is a relation of (place, problem, text): lines that are no rows, known once the rows
    have been read (`RUNAWAY_QUOTE`: others are missing with it); ``encodings`` are those of the texts;
    ``empties_are_null``: the reader turned words that mean nothing into NULL.
    """

    relation: str
    columns: tuple[str, ...]
    is_text: bool
    unread: str | None = None
    encodings: tuple[str, ...] = ()
    empties_are_null: bool = False
    is_excel: bool = False


def quoted(name: str) -> str:
    """A name as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def sql_text(value: object) -> str:
    """A value as a SQL string literal."""
    return "'" + str(value).replace("'", "''") + "'"


def sql_path(path: str) -> str:
    """A file's path as a literal; the engine would take * ? and [ in a name for a pattern."""
    return sql_text(re.sub(r"[*?\[]", r"[\g<0>]", path))


def sql_paths(paths: Iterable[str]) -> str:
    return f"[{', '.join(map(sql_path, paths))}]"


def sql_list(values: Iterable[object]) -> str:
    return "[" + ", ".join(sql_text(value) for value in values) + "]"
