"""Everything a user may set, read once at a door and passed on as an argument.

Values come, strongest first, from the command line, ``AIMLOOP_*`` variables and ``aimloop.toml``
in the working folder. A section's fields are reached with two underscores:
``AIMLOOP_SOURCES__CRM__PASSWORD``. An unknown name is refused with the nearest known one.
"""

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
    model_validator,
)

from infra.errors import AimloopError, did_you_mean
from infra.experiment_settings import Experimentation
from infra.given import CONFIG_FILE, PREFIX, merged, read_environ, read_file
from infra.sections import (
    Alerts,
    Cleaning,
    Drift,
    Privacy,
    Quality,
    Services,
    SourceSettings,
    TableInput,
    TableInputs,
)

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
    source: str = Field(
        "complete_journey", description="Where raw tables come from; 'company' where [tables.…] says so."
    )
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
    churn_window_days: int = Field(
        56, ge=7, le=730, description="Who ordered within this many days (7 to 730) counts as active."
    )
    churn_horizon_days: int = Field(
        56, ge=7, le=730, description="No order for this many days (7 to 730) after a snapshot is churn."
    )
    clv_horizon_days: int = Field(
        90, ge=7, le=730, description="Customer lifetime value is what is spent within this many days (7 to 730)."
    )
    budget: float = Field(
        1_130_000, gt=0, allow_inf_nan=False, description="Budget of the next cycle, in the unit of the channel costs."
    )
    channels: Path | None = Field(
        None, description="CSV of the channels to plan with (`aimloop plan --help`); default: dbt_project's example."
    )
    plan_days: int = Field(28, ge=1, le=730, description="How many days the budget is for (1 to 730).")
    contacts_per_customer: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="A customer gets at most so many contacts from a plan, over all channels; default: one a channel.",
    )
    solver: Literal["highs", "cbc"] = Field("highs", description="LP solver for the budget.")
    imputation: Literal["mean", "knn"] = Field(
        "mean", description="What takes the place of missing numbers in models that cannot do without."
    )
    tuning_trials: int = Field(
        0, ge=0, description="How many parameters to try for each model on earlier windows; 0: as they come."
    )
    tuning_seconds: float = Field(
        300, gt=0, allow_inf_nan=False, description="No more is tried for a model once this much time would be over."
    )
    seed: int = Field(20170101, ge=0, lt=2**31, description="Seed of everything random, from 0 to 2,147,483,647.")
    port: int = Field(3000, ge=1, le=65535, description="Port of `aimloop serve`.")
    ui_port: int = Field(4200, ge=1, le=65535, description="Port of the Prefect UI that `aimloop ui` starts.")
    storage_key: SecretStr | None = Field(
        None, min_length=1, description="Key of the raw zone; default: keys/storage.key."
    )
    pseudonym_key: SecretStr | None = Field(
        None, min_length=1, description="Key of pseudonyms; default: keys/pseudonym.key."
    )
    tombstone_key: SecretStr | None = Field(
        None, min_length=1, description="Key of the marks of erased people, never changed; default: tombstone.key."
    )
    new_storage_key: SecretStr | None = Field(
        None, min_length=1, description="`aimloop rotate-key` alone: what the storage key becomes; default: made up."
    )
    new_pseudonym_key: SecretStr | None = Field(
        None, min_length=1, description="`aimloop rotate-key` alone: what the pseudonym key becomes; default: made up."
    )

    role: str = Field(
        "analyst", min_length=1, description="In which role you act; privacy.contact_roles says what for."
    )

    sources: dict[str, SourceSettings] = Field(default_factory=dict, description="Places that tables are read from.")
    tables: dict[str, TableInputs] = Field(default_factory=dict, description="Where each raw table comes from.")
    cleaning: Cleaning = Field(default_factory=Cleaning, description="The rules for real dirt.")
    privacy: Privacy = Field(
        default_factory=Privacy, description="What is personal, and what silence about consent means."
    )
    quality: Quality = Field(default_factory=Quality, description="When data is too poor to act on.")
    services: Services = Field(default_factory=Services, description="How models are served to applications.")
    drift: Drift = Field(
        default_factory=Drift, description="When the world has moved so far that models are retrained."
    )
    experiments: Experimentation = Field(
        default_factory=Experimentation, description="How challengers are tried, and what decides."
    )
    alerts: Alerts = Field(default_factory=Alerts, description="Whom to tell, and how often.")

    @model_validator(mode="before")
    @classmethod
    def _own_tables_are_the_source(cls, given: Any) -> Any:
        return {"source": "company", **given} if given.get("tables") else given

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_truth_values(cls, value: Any) -> Any:
        """No setting is a truth value, and pydantic would take true for 1."""
        if isinstance(value, bool):
            raise ValueError("true and false mean nothing here")
        return value

    def meaning(self) -> dict[str, Any]:
        """The settings that change what a cycle computes (not where it is kept, served or watched; no secrets)."""
        elsewhere = {"state", "channels", "port", "ui_port", "services", "as_of", "sources", "role"}
        elsewhere |= {"drift", "experiments", "alerts"}
        secrets = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
        return self.model_dump(mode="json", exclude=elsewhere | secrets)


def load(environ: Mapping[str, str], folder: Path, **overrides: Any) -> Settings:
    """Read ``aimloop.toml`` in ``folder`` and ``AIMLOOP_*``; ``overrides`` that are not None win.

    Raises:
        AimloopError: unknown name, unreadable file or a value that does not fit.
    """
    config = folder / CONFIG_FILE
    from_file = read_file(config)
    from_environ = read_environ(environ)
    from_command = {name: value for name, value in overrides.items() if value is not None}
    _refuse_secrets_in_file(from_file)
    given = merged(merged(from_file, from_environ), from_command)
    try:
        settings = Settings(**given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        path = [part for part in first["loc"] if isinstance(part, str)]
        origin = _origin(path, {"the command line": from_command, "the environment": from_environ})
        raise _explained(path, first, origin) from None
    return settings.model_copy(update=_resolved(settings, folder))


def _resolved(settings: Settings, folder: Path) -> dict[str, Any]:
    """Every path as an absolute one: relative ones start where ``aimloop.toml`` lies."""
    sources = {"files": SourceSettings.model_validate({})} | settings.sources
    for name, source in sources.items():
        paths = {field: value for field in ("folder", "path") if (value := getattr(source, field)) is not None}
        absolute = {
            field: value if value.startswith("s3://") else str((folder / value).resolve())
            for field, value in paths.items()
        }
        sources[name] = source.model_copy(update=absolute)
    return {
        "state": (folder / settings.state).resolve(),
        "source_folder": settings.source_folder and (folder / settings.source_folder).resolve(),
        "sources": sources,
    }


def _refuse_secrets_in_file(from_file: Mapping[str, Any]) -> None:
    for secret in _OWN_SECRETS & set(from_file):
        raise AimloopError(
            f"{CONFIG_FILE} holds {secret}: files like it are committed and copied",
            f"remove the line and set {PREFIX}{secret.upper()} in the environment",
        )
    sources = from_file.get("sources")
    sections = {f"sources.{name}": at for name, at in sources.items()} if isinstance(sources, Mapping) else {}
    sections["services"] = from_file.get("services")
    for name, section in sections.items():
        for secret in _SECRETS & set(section if isinstance(section, Mapping) else ()):
            raise AimloopError(
                f"{CONFIG_FILE} holds {name}.{secret}: files like it are committed and copied",
                f"remove the line and set {PREFIX}{name.upper().replace('.', '__')}__{secret.upper()} "
                "in the environment",
            )


def _secrets(section: type[BaseModel]) -> set[str]:
    return {name for name, field in section.model_fields.items() if "SecretStr" in str(field.annotation)}


_SECRETS, _OWN_SECRETS = _secrets(SourceSettings) | _secrets(Services), _secrets(Settings)


def _origin(path: list[str], origins: Mapping[str, Mapping[str, Any]]) -> str:
    """Which of the origins, strongest first, holds the value at ``path``; else the file."""
    for origin, values in origins.items():
        at: Any = values
        for part in path:
            at = at.get(part) if isinstance(at, Mapping) else None
        if at is not None:
            return origin
    return CONFIG_FILE


def _explained(path: list[str], error: Any, origin: str) -> AimloopError:
    """What is wrong with the setting at ``path``, and what it means or may have meant."""
    section = _section_at(path[:-1])
    if error["type"] == "extra_forbidden":
        hint = did_you_mean(path[-1], section.model_fields, cutoff=0.5)
        return AimloopError(
            f"unknown setting '{'.'.join(path)}' from {origin}",
            f"{hint}known settings: {', '.join(section.model_fields)}",
        )
    described = section.model_fields.get(path[-1]) or Settings.model_fields[path[0]]
    return AimloopError(
        f"setting '{'.'.join(path)}' from {origin} does not fit: {error['msg'].removeprefix('Value error, ')}",
        f"it means: {described.description}",
    )


def _section_at(path: list[str]) -> type[BaseModel]:
    """The section of the settings that a path (names and positions) leads to."""
    at: type[BaseModel] = Settings
    for part in path:
        at = _SECTIONS.get(part, at)
    return at


_SECTIONS: dict[str, type[BaseModel]] = {
    "sources": SourceSettings,
    "tables": TableInput,
    "cleaning": Cleaning,
    "privacy": Privacy,
    "quality": Quality,
    "services": Services,
    "drift": Drift,
    "experiments": Experimentation,
    "alerts": Alerts,
}
