"""What a service needs beside its own file: our modules that it imports, and the distributions that those import."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from modulefinder import Module, ModuleFinder
from pathlib import Path
from types import CodeType

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# In models, what a function imports is for training alone (lifelines, imbalanced-learn): a model that answers was
# trained elsewhere. Everywhere else it is what only some settings need (Redis, a solver), and it must be there.
_TRAINING_IMPORTS_IN_FUNCTIONS = "models."
_NEVER_TRAINED = "models.budget."


@dataclass(frozen=True)
class Closure:
    """Modules of ours with their files (relative to the project), and the names of others that they import."""

    modules: Mapping[str, Path]
    others: frozenset[str]


def closure(project: Path, modules: Iterable[str]) -> Closure:
    """Everything in ``project`` that importing ``modules`` may import; nothing is imported to find out.

    Raises:
        ImportError: one of ``modules`` does not exist.
    """
    finder = _Finder(path=[str(project)])
    for module in modules:
        finder.import_hook(module)
    files = {name: vars(found)["__file__"] for name, found in finder.modules.items()}
    ours = {name: Path(file).relative_to(project) for name, file in files.items() if file}
    roots = {name.partition(".")[0] for name in finder.badmodules}
    return Closure(ours, frozenset(roots - {name.partition(".")[0] for name in ours} - sys.stdlib_module_names))


class _Finder(ModuleFinder):
    def scan_code(self, co: CodeType, m: Module) -> None:
        name = vars(m)["__name__"]
        if name.startswith(_TRAINING_IMPORTS_IN_FUNCTIONS) and not name.startswith(_NEVER_TRAINED):
            co = co.replace(co_consts=tuple(value for value in co.co_consts if not isinstance(value, CodeType)))
        super().scan_code(co, m)


def pinned(imported: Iterable[str], distributions: Iterable[str]) -> list[str]:
    """``name==version`` of the distributions that hold these packages and of all that those require, as installed here.

    Args:
        imported: names of packages that are imported; one that is not installed is optional, and left out.
        distributions: further distributions, by name.
    """
    holders = _holders()
    found: dict[str, str] = {}
    waiting = [(name, frozenset[str]()) for root in imported for name in holders.get(root, ())]
    waiting += [(name, frozenset[str]()) for name in distributions]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        key = (canonicalize_name(name), extras)
        if key in seen:
            continue
        seen.add(key)
        version, requirements = _installed(name)
        if version is None:  # for another platform or Python: the installer resolves it there
            continue
        found[key[0]] = f"{key[0]}=={version}"
        waiting += [(need.name, frozenset(need.extras)) for need in requirements if _applies(need, extras)]
    return [found[name] for name in sorted(found)]


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or {""})


@cache
def _installed(name: str) -> tuple[str | None, list[Requirement]]:
    """Version and requirements of a distribution; no version where it is not installed."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return None, []
    return found.version, [Requirement(line) for line in found.requires or ()]


@cache
def _holders() -> Mapping[str, Sequence[str]]:
    """Top-level package → distributions that install it; a look at every installed distribution, so taken once."""
    return packages_distributions()
