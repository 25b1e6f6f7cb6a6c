"""Everything a user may set, read once at a door and passed on as an argument.

Values come, strongest first, from the command line, ``AIMLOOP_*`` variables and ``aimloop.toml``
in the working folder. An unknown name is refused with the nearest known one.
"""

import difflib
import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)

from infra.errors import AimloopError

PREFIX = "AIMLOOP_"
CONFIG_FILE = "aimloop.toml"


_DATE_ADVICE = "write a date such as 2017-12-04 or 2017-12-04T06:00:00"


def _as_utc(value: datetime) -> datetime:
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        raise ValueError("that instant lies before the first year") from None


def _parse_instant(value: Any) -> Any:
    """Dates and instants in ISO 8601; a bare number would silently become seconds since 1970."""
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(_DATE_ADVICE) from None
    if not isinstance(value, date):
        raise ValueError(_DATE_ADVICE)
    return value


Instant = Annotated[datetime, BeforeValidator(_parse_instant), AfterValidator(_as_utc)]


class Settings(BaseModel):
    """Settings of one run; frozen, so that what was read at the door is what every room sees."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: Path = Field(Path(".aimloop"), description="Folder of everything aimloop writes.")
    source: str = Field("complete_journey", description="Where raw tables come from.")
    source_folder: Path | None = Field(None, description="Folder of the source's files (default: as installed).")
    as_of: Instant | None = Field(
        None, description="The instant a cycle knows the world up to (UTC); default: the end of the data."
    )
    households: int | None = Field(
        None, ge=1, description="Take a fixed sample of this many households (default: all)."
    )
    negative_sampling: int = Field(
        400, ge=1, description="Keep one in this many unclicked impressions; each kept row carries the factor."
    )
    churn_window_days: int = Field(56, ge=7, description="Who ordered within this many days counts as active.")
    churn_horizon_days: int = Field(56, ge=7, description="No order for this long after a snapshot is churn.")
    budget: float = Field(
        1_130_000, gt=0, allow_inf_nan=False, description="Budget of the next cycle, in the unit of the channel costs."
    )
    solver: Literal["highs", "cbc"] = Field("highs", description="LP solver for the budget.")
    seed: int = Field(20170101, description="Seed of everything random.")
    port: int = Field(3000, ge=1, le=65535, description="Port of `aimloop serve`.")
    ui_port: int = Field(4200, ge=1, le=65535, description="Port of the Prefect UI that `aimloop ui` starts.")
    storage_key: SecretStr | None = Field(
        None, min_length=1, description="Key of the raw zone; default: keys/storage.key."
    )
    pseudonym_key: SecretStr | None = Field(
        None, min_length=1, description="Key of pseudonyms; default: keys/pseudonym.key."
    )

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_truth_values(cls, value: Any) -> Any:
        """No setting is a truth value, and pydantic would take true for 1."""
        if isinstance(value, bool):
            raise ValueError("true and false mean nothing here")
        return value

    def meaning(self) -> dict[str, Any]:
        """The settings that change what a cycle computes (not where it is kept, not secrets)."""
        elsewhere = {"state", "port", "ui_port", "as_of", "storage_key", "pseudonym_key"}
        return self.model_dump(mode="json", exclude=elsewhere)


def load(environ: Mapping[str, str], folder: Path, **overrides: Any) -> Settings:
    """Read ``aimloop.toml`` in ``folder`` and ``AIMLOOP_*``; ``overrides`` that are not None win.

    Raises:
        AimloopError: unknown name, unreadable file or a value that does not fit.
    """
    config = folder / CONFIG_FILE
    from_file = _read_file(config)
    from_environ = {
        name.removeprefix(PREFIX).lower(): value for name, value in environ.items() if name.startswith(PREFIX)
    }
    origin = dict.fromkeys(from_file, CONFIG_FILE) | dict.fromkeys(from_environ, "the environment")
    given = from_file | from_environ | {k: v for k, v in overrides.items() if v is not None}
    for name in given:
        if name not in Settings.model_fields:
            raise _unknown(name, origin.get(name, "the command line"))
    try:
        settings = Settings(**given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0])
        raise AimloopError(
            f"setting '{name}' from {origin.get(name, 'the command line')} does not fit: {first['msg']}",
            f"it means: {Settings.model_fields[name].description}",
        ) from None
    return settings.model_copy(update={"state": (folder / settings.state).resolve()})


def _read_file(config: Path) -> dict[str, Any]:
    if not config.exists():
        return {}
    try:
        return tomllib.loads(config.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise AimloopError(
            f"cannot read {config}: {error}", "mend the file, or remove it to use the defaults"
        ) from None


def _unknown(name: str, origin: str) -> AimloopError:
    near = difflib.get_close_matches(name, Settings.model_fields, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return AimloopError(
        f"unknown setting '{name}' from {origin}", f"{hint}known settings: {', '.join(Settings.model_fields)}"
    )
