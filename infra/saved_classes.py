"""Which dataclasses a pickle holds, and whether the code still has them as they were.

A pickle keeps the values of fields, not the classes: read by code that wants other fields it loads without a word, and
fails where the first one is missed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from importlib import import_module
from typing import Any


def classes_of(value: Any) -> dict[str, list[str]]:
    """``module:name`` → fields, of every dataclass in ``value`` and in what its fields hold."""
    found: dict[str, list[str]] = {}
    if is_dataclass(value) and not isinstance(value, type):
        cls, names = type(value), [field.name for field in fields(value)]
        found[f"{cls.__module__}:{cls.__qualname__}"] = names
        parts: Sequence[Any] = [getattr(value, name) for name in names]
    elif isinstance(value, Mapping):
        parts = list(value.values())
    else:
        parts = value if isinstance(value, (tuple, list)) else ()
    for part in parts:
        found |= classes_of(part)
    return found


def misfit(saved: Mapping[str, Sequence[str]]) -> str | None:
    """Why what was saved with these classes cannot be used by this code; None where it can, for all that they say."""
    for name, names in saved.items():
        module, _, qualified = name.partition(":")
        try:
            cls: Any = import_module(module)
            for part in qualified.split("."):
                cls = getattr(cls, part)
        except (ImportError, AttributeError):
            return f"{name} is no more"
        wanted = {field.name for field in fields(cls) if field.default is MISSING}  # a default is found in the class
        if lacking := sorted(wanted - set(names)):
            return f"{name} had no {', '.join(lacking)} then"
    return None
