"""The sections of ``aimloop.toml``: a company's tables, and how dirt, quality, personal data and requests are
treated.

Every field has a description: it is what an error says about a value that does not fit.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator


class Section(BaseModel):
    """A frozen part of the settings; unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, str | dict) else value


def _none_or_many(value: Any) -> Any:
    """An empty text is none: so the environment says that there is nothing."""
    return () if value == "" else one_or_many(value)


class SourceSettings(Section):
    """``[sources.<name>]``: a place tables are read from. Secrets come from the environment alone."""

    kind: Literal["files", "postgres", "mysql", "sqlite"] = Field("files", description="What is there.")
    folder: str = Field(".", description="files: a folder, or s3://bucket/prefix; nothing outside it is ever read.")
    path: str | None = Field(None, description="sqlite: the database file.")
    host: str = Field("localhost", description="postgres, mysql: the server.")
    port: int | None = Field(None, ge=1, le=65535, description="postgres, mysql: its port (default: the usual one).")
    database: str | None = Field(None, description="postgres, mysql: the database.")
    user: str | None = Field(None, description="postgres, mysql: who reads; a role that may only read is best.")
    password: SecretStr | None = Field(None, description="postgres, mysql: AIMLOOP_SOURCES__<NAME>__PASSWORD.")
    endpoint: str | None = Field(None, description="s3: host:port of the object store (default: Amazon's).")
    region: str = Field("us-east-1", description="s3: the region.")
    use_ssl: bool = Field(True, description="s3: speak TLS to the endpoint.")
    access_key: SecretStr | None = Field(None, description="s3: AIMLOOP_SOURCES__<NAME>__ACCESS_KEY.")
    secret_key: SecretStr | None = Field(None, description="s3: AIMLOOP_SOURCES__<NAME>__SECRET_KEY.")


class TableInput(Section):
    """``[tables.<name>]``: where rows of one raw table come from, and which column is which.

    A table may have several inputs (``[[tables.orders]]`` twice): their rows are added up.
    """

    source: str = Field("files", description="Name of a [sources.…] section; without one, files of this folder.")
    files: Annotated[tuple[str, ...], BeforeValidator(one_or_many)] = Field(
        (), description="Files or glob patterns below the source's folder: CSV, TSV, .gz, Parquet, JSONL, Excel."
    )
    table: str | None = Field(None, description="Databases: the table or view, such as shop.orders. Excel: the sheet.")
    columns: dict[str, str] = Field(
        default_factory=dict,
        description='Our column = theirs, or a SQL expression over theirs: amount = "Quantity * UnitPrice".',
    )
    where: str | None = Field(None, description="A SQL condition over their columns: rows to take.")
    delimiter: str | None = Field(None, description="CSV: between columns, or 'whitespace' (default: found out).")
    quote: str | None = Field(None, max_length=1, description="CSV: around texts (default: found out).")
    encoding: str | None = Field(None, description="CSV: such as utf-8, latin-1, cp1252, gb18030 (default: found out).")
    header: bool | None = Field(None, description="CSV: is the first line one of names? (default: found out)")
    time_zone: str = Field("UTC", description="Zone of times that carry none, such as Europe/Berlin.")
    day_first: bool | None = Field(
        None, description="Is 3/4/2024 the 3rd of April? (default: by what the column shows)"
    )
    decimal_comma: bool | None = Field(None, description="Is 1,5 one and a half? (default: by what the column shows)")

    @model_validator(mode="after")
    def _has_an_origin(self) -> "TableInput":
        if not self.files and self.table is None:
            raise ValueError('give files = "…" or table = "…"')
        return self


TableInputs = Annotated[tuple[TableInput, ...], BeforeValidator(one_or_many), Field(min_length=1)]


class Cleaning(Section):
    """``[cleaning]``: the rules for real dirt. Each is counted in the report of a landing."""

    empty_words: tuple[str, ...] = Field(
        ("", "null", "none", "na", "n/a", "nan", "-", "?", "\\n"), description="Texts that mean nothing is there."
    )
    unknown_customers: tuple[str, ...] = Field(
        ("0", "-1", "guest", "unknown", "anonymous", "gast", "unbekannt", "invitado", "游客"),
        description="Customer ids that stand for nobody in particular.",
    )
    whole_number_ids: bool = Field(True, description="Read the id 12345.0 as 12345.")
    exact_duplicates: Literal["quarantine", "keep"] = Field(
        "quarantine",
        description="Purchase lines that equal another in every column, and have an order id or a time of day.",
    )
    zero_amounts: Literal["quarantine", "keep"] = Field(
        "quarantine", description="Purchase lines of amount 0 that no discount explains."
    )
    absurd_amount_factor: float = Field(
        1000, ge=10, description="Set aside amounts beyond this multiple of the 99th percentile of all amounts."
    )
    return_order_prefixes: tuple[str, ...] = Field(
        (), description="Order ids that start so are credit notes: their lines are returns."
    )
    non_product_ids: tuple[str, ...] = Field(
        (
            *(
                "post",
                "postage",
                "dot",
                "dotcom%",
                "carriage",
                "shipping%",
                "freight%",
                "delivery%",
                "porto",
                "versand%",
            ),
            *("fee", "fees", "amazonfee", "bank charges", "manual", "discount", "adjust%"),
        ),
        description="Product ids of postage, fees and adjustments (SQL LIKE patterns, any case): set aside.",
    )
    outlier_iqr_factor: float = Field(
        3.0, gt=0, description="Order amounts beyond this many interquartile ranges are flagged and winsorised."
    )


class Privacy(Section):
    """``[privacy]``: what is personal, who may be shown it, and what silence about consent means."""

    personal: dict[str, Literal["name", "phone", "email", "id_number", "address"]] = Field(
        default_factory=dict, description='Further personal columns: attr_home = "address"; masked in staging.'
    )
    not_personal: tuple[str, ...] = Field(
        (), description="Columns that look personal and are not (barcodes like phone numbers)."
    )
    unanswered_consent: Literal["denied", "granted"] = Field(
        "denied", description="What an empty consent cell means, where the company keeps that column."
    )
    contact_roles: tuple[str, ...] = Field(
        ("marketer",), description="Roles that may be given contact details in an audience."
    )


class Quality(Section):
    """``[quality]``: when data is too poor to act on."""

    on_failure: Literal["warn", "stop"] = Field("warn", description="Go on and say so, or stop before training.")
    stop_on: Annotated[tuple[str, ...], BeforeValidator(one_or_many)] = Field(
        (), description="Judgements that stop the cycle even so, such as freshness."
    )
    max_null_rate: float = Field(0.05, ge=0, le=1, description="Share of a required column that may be missing.")
    max_age_days: float = Field(14, gt=0, description="How old the newest row may be at as_of.")
    max_volume_change: float = Field(0.5, gt=0, description="How far volume may lie off its trend, as a share.")
    max_orphan_rate: float = Field(0.05, ge=0, le=1, description="Share of references that may lead nowhere.")
    max_shift: float = Field(0.2, gt=0, description="Population stability index of a key column that is still fine.")


class Services(Section):
    """``[services]``: how models are served to applications."""

    api_keys: Literal["required", "off"] = Field(
        "required", description="Whether services ask for a key (`aimloop keys`); off answers this machine alone."
    )
    request_bytes: int = Field(
        1_048_576, ge=1_024, le=1_073_741_824, description="Services refuse a request whose body is longer."
    )
    workers: int = Field(1, ge=1, le=256, description="Processes that answer requests, side by side.")
    profile_store: Literal["sqlite", "redis"] = Field(
        "sqlite", description="Where customers are looked up: a file in the state folder, or Redis at redis_url."
    )
    redis_url: SecretStr | None = Field(
        None, min_length=1, description="Where Redis is, such as rediss://:password@host:6379/0."
    )
    stale_after_days: float = Field(
        8, gt=0, allow_inf_nan=False, description="Answers from profiles published longer ago are marked as stale."
    )
    prediction_log_seconds: float = Field(
        300,
        ge=1,
        le=86_400,
        description="A file of the prediction log is closed, and ready to be ingested, after this long.",
    )
    challenger_timeout_ms: float = Field(
        250,
        gt=0,
        allow_inf_nan=False,
        description="A challenger that takes longer for up to 1,000 rows has failed: the champion answers.",
    )


class Drift(Section):
    """``[drift]``: when the world has moved so far that models are retrained."""

    alarms: int = Field(2, ge=1, le=100, description="So many alarms ...")
    of_checks: int = Field(3, ge=1, le=100, description="... among so many last checks ask for retraining.")
    cooldown_days: float = Field(28, ge=0, allow_inf_nan=False, description="No retraining asked for again so soon.")
    new_evidence_days: float = Field(
        7, ge=0, allow_inf_nan=False, description="A check counts when it knows so many more days than the last one."
    )
    false_alarm_rate: float = Field(
        0.05, gt=0, lt=1, description="Share of histories of 12 checks of an unchanged world that may trigger at most."
    )
    resamples: int = Field(
        500, ge=100, le=100_000, description="Ordinary periods drawn to learn thresholds from, when a model is trained."
    )
    rows: int = Field(2_000, ge=100, le=1_000_000, description="Rows of each side that a check compares: a sample.")
    reports: Literal["on drift", "always", "never"] = Field(
        "on drift", description="When Evidently's report is written; `aimloop watch` always writes it."
    )

    @model_validator(mode="after")
    def _can_be_reached(self) -> "Drift":
        if self.alarms > self.of_checks:
            raise ValueError(f"{self.alarms} alarms cannot be among {self.of_checks} checks")
        return self


class Alerts(Section):
    """``[alerts]``: whom to tell, and how often."""

    blocks: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$")], ...], BeforeValidator(_none_or_many)
    ] = Field(
        (), description='Notification blocks of Prefect, such as ["slack-webhook/on-call"]; `aimloop alerts add`.'
    )
    reminder_hours: float = Field(
        24, ge=0, allow_inf_nan=False, description="People are reminded of an open incident after so long; 0: never."
    )
    reports_url: str | None = Field(
        None, pattern=r"^https?://", description="Where the folder reports/ is served, for links that others can open."
    )
