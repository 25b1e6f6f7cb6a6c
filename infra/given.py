"""Settings as they were given: in ``aimloop.toml`` and in the environment, before anybody has checked them."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.errors import AimloopError

PREFIX = "AIMLOOP_"
CONFIG_FILE = "aimloop.toml"


def read_file(config: Path) -> dict[str, Any]:
    """What ``aimloop.toml`` says; nothing where there is none.

    Raises:
        AimloopError: it cannot be read.
    """
    if not config.exists():
        return {}
    try:
        return tomllib.loads(config.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise AimloopError(
            f"cannot read {config}: {error}", "mend the file, or remove it to use the defaults"
        ) from None


def read_environ(environ: Mapping[str, str]) -> dict[str, Any]:
    """What ``AIMLOOP_*`` say: two underscores lead into a section.

    Raises:
        AimloopError: a name is both a section and a value.
    """
    read: dict[str, Any] = {}
    for name, value in environ.items():
        if name.startswith(PREFIX):
            *sections, last = name.removeprefix(PREFIX).lower().split("__")
            at = read
            for section in sections:
                at = at.setdefault(section, {})
                if not isinstance(at, dict):
                    shorter = f"{PREFIX}{section.upper()}"
                    raise AimloopError(f"{name} and {shorter} cannot both be set", "remove one of them")
            if isinstance(at.get(last), dict):
                raise AimloopError(f"{name} and others that begin with it cannot both be set", "remove one of them")
            at[last] = value
    return read


def merged(weak: Mapping[str, Any], strong: Mapping[str, Any]) -> dict[str, Any]:
    """Both; where both say something, the strong one counts, section by section."""
    both = dict(weak)
    for name, value in strong.items():
        is_section = isinstance(value, Mapping) and isinstance(both.get(name), Mapping)
        both[name] = merged(both[name], value) if is_section else value
    return both
