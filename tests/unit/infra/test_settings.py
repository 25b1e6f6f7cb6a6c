"""Settings: who wins, what is refused and in which words, and what never leaks."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from infra.errors import AimloopError
from infra.given import CONFIG_FILE
from infra.settings import Settings, load


def write_config(folder: Path, text: str) -> None:
    (folder / "aimloop.toml").write_text(text, encoding="utf-8")


def refusal(folder: Path, environ: dict[str, str] | None = None, **overrides: object) -> AimloopError:
    with pytest.raises(AimloopError) as caught:
        load(environ or {}, folder, **overrides)
    return caught.value


# ── who wins ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("in_file", "in_environment", "on_command_line", "port"),
    [
        (None, None, None, 3000),
        ("4001", None, None, 4001),
        (None, "4002", None, 4002),
        (None, None, 4003, 4003),
        ("4001", "4002", None, 4002),
        ("4001", None, 4003, 4003),
        ("4001", "4002", 4003, 4003),
    ],
)
def test_command_line_beats_environment_beats_file_beats_default(
    tmp_path: Path, in_file: str | None, in_environment: str | None, on_command_line: int | None, port: int
) -> None:
    if in_file:
        write_config(tmp_path, f"port = {in_file}")
    environ = {"AIMLOOP_PORT": in_environment} if in_environment else {}

    assert load(environ, tmp_path, port=on_command_line).port == port


def test_each_setting_comes_from_its_own_strongest_origin(tmp_path: Path) -> None:
    write_config(tmp_path, 'solver = "cbc"\nbudget = 500\nseed = 1')

    settings = load({"AIMLOOP_BUDGET": "600", "AIMLOOP_SEED": "2"}, tmp_path, seed=3)

    assert (settings.solver, settings.budget, settings.seed) == ("cbc", 600, 3)


def test_variables_of_others_are_left_alone(tmp_path: Path) -> None:
    assert load({"PORT": "1", "MY_AIMLOOP_PORT": "2", "aimloop_port": "4"}, tmp_path).port == 3000


def test_a_relative_state_folder_lies_in_the_working_folder(tmp_path: Path) -> None:
    assert load({}, tmp_path).state == tmp_path.resolve() / ".aimloop"
    assert load({"AIMLOOP_STATE": "here/../there"}, tmp_path).state == tmp_path.resolve() / "there"


def test_an_absolute_state_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    assert load({"AIMLOOP_STATE": str(tmp_path / "else")}, tmp_path / "work").state == (tmp_path / "else").resolve()


# ── what is refused ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("in_file", "environ", "overrides", "what"),
    [
        ("housholds = 5", {}, {}, "unknown setting 'housholds' from aimloop.toml"),
        ("", {"AIMLOOP_HOUSHOLDS": "5"}, {}, "unknown setting 'housholds' from the environment"),
        ("", {}, {"housholds": 5}, "unknown setting 'housholds' from the command line"),
    ],
)
def test_an_unknown_name_is_refused_with_its_origin_and_the_nearest_known_one(
    tmp_path: Path, in_file: str, environ: dict[str, str], overrides: dict[str, int], what: str
) -> None:
    write_config(tmp_path, in_file)

    error = refusal(tmp_path, environ, **overrides)

    assert error.what == what
    assert error.remedy.startswith("did you mean 'households'? known settings: state, source, ")


def test_a_name_like_no_other_is_refused_with_the_list_of_known_ones(tmp_path: Path) -> None:
    error = refusal(tmp_path, {"AIMLOOP_XYZZY": "1"})

    assert error.remedy.startswith("known settings: state, ")
    assert error.remedy.endswith("sources, tables, cleaning, privacy, quality, services, drift, experiments, alerts")


@pytest.mark.parametrize(
    ("name", "value", "meaning"),
    [
        ("households", "many", "Take a fixed sample of this many households (default: all)."),
        ("households", "0", "Take a fixed sample of this many households (default: all)."),
        ("households", "2.5", "Take a fixed sample of this many households (default: all)."),
        ("negative_sampling", "0", "Keep one in this many unclicked impressions; each kept row carries the factor."),
        ("churn_window_days", "6", "Who ordered within this many days (7 to 730) counts as active."),
        ("churn_window_days", "731", "Who ordered within this many days (7 to 730) counts as active."),
        ("churn_horizon_days", "200000", "No order for this many days (7 to 730) after a snapshot is churn."),
        (
            "clv_horizon_days",
            "731",
            "Customer lifetime value is what is spent within this many days (7 to 730).",
        ),
        ("seed", "-1", "Seed of everything random, from 0 to 2,147,483,647."),
        ("seed", "2147483648", "Seed of everything random, from 0 to 2,147,483,647."),
        ("budget", "0", "Budget of the next cycle, in the unit of the channel costs."),
        ("budget", "nan", "Budget of the next cycle, in the unit of the channel costs."),
        ("solver", "glpk", "LP solver for the budget."),
        ("port", "65536", "Port of `aimloop serve`."),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_the_meaning_of_its_setting(
    tmp_path: Path, name: str, value: str, meaning: str
) -> None:
    error = refusal(tmp_path, {f"AIMLOOP_{name.upper()}": value})

    assert error.what.startswith(f"setting '{name}' from the environment does not fit: ")
    assert error.remedy == f"it means: {meaning}"


def test_a_value_that_does_not_fit_is_named_with_the_file_it_comes_from(tmp_path: Path) -> None:
    write_config(tmp_path, "source = 3")

    assert refusal(tmp_path).what.startswith("setting 'source' from aimloop.toml does not fit: ")


@pytest.mark.parametrize("broken", [b"port = = 3", b"port 3", b"\xff\xfe\x00", b"port = 1\nport = 2"])
def test_a_broken_file_is_named(tmp_path: Path, broken: bytes) -> None:
    (tmp_path / "aimloop.toml").write_bytes(broken)

    error = refusal(tmp_path)

    assert error.what.startswith(f"cannot read {tmp_path / 'aimloop.toml'}: ")
    assert error.remedy == "mend the file, or remove it to use the defaults"


def test_settings_are_frozen() -> None:
    settings = Settings()

    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1


def test_an_infinite_budget_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, {"AIMLOOP_BUDGET": "inf"}).what.startswith("setting 'budget'")


def test_a_truth_value_is_not_a_number_of_households(tmp_path: Path) -> None:
    write_config(tmp_path, "households = true")

    assert refusal(tmp_path).what.startswith("setting 'households' from aimloop.toml")


# ── as_of ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2017-12-04", datetime(2017, 12, 4, tzinfo=UTC)),
        ("2017-12-04T06:00:00", datetime(2017, 12, 4, 6, tzinfo=UTC)),
        ("2017-12-04 06:30", datetime(2017, 12, 4, 6, 30, tzinfo=UTC)),
        ("2017-12-04T06:00:00Z", datetime(2017, 12, 4, 6, tzinfo=UTC)),
        ("2017-12-04T06:00:00+08:00", datetime(2017, 12, 3, 22, tzinfo=UTC)),
        ("2017-12-31T23:30:00-05:00", datetime(2018, 1, 1, 4, 30, tzinfo=UTC)),
    ],
)
def test_as_of_is_a_date_or_an_instant_told_in_utc(tmp_path: Path, written: str, instant: datetime) -> None:
    assert load({"AIMLOOP_AS_OF": written}, tmp_path).as_of == instant
    assert load({}, tmp_path, as_of=written).as_of == instant


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2017-12-04", datetime(2017, 12, 4, tzinfo=UTC)),
        ("2017-12-04T06:00:00", datetime(2017, 12, 4, 6, tzinfo=UTC)),
        ("2017-12-04T06:00:00+08:00", datetime(2017, 12, 3, 22, tzinfo=UTC)),
        ('"2017-12-04"', datetime(2017, 12, 4, tzinfo=UTC)),
    ],
)
def test_as_of_may_be_a_date_of_toml(tmp_path: Path, written: str, instant: datetime) -> None:
    write_config(tmp_path, f"as_of = {written}")

    assert load({}, tmp_path).as_of == instant


@pytest.mark.parametrize("nonsense", ["1512345600", "2017", "0", "", "now", "04.12.2017", "2017-13-01", "2017-02-29"])
def test_a_bare_number_or_nonsense_is_no_instant(tmp_path: Path, nonsense: str) -> None:
    error = refusal(tmp_path, {"AIMLOOP_AS_OF": nonsense})

    assert "write a date such as 2017-12-04 or 2017-12-04T06:00:00" in error.what


@pytest.mark.parametrize("number", ["1512345600", "1.5"])
def test_a_bare_number_of_toml_is_no_instant(tmp_path: Path, number: str) -> None:
    write_config(tmp_path, f"as_of = {number}")

    assert refusal(tmp_path).what.startswith("setting 'as_of' from aimloop.toml")


def test_an_instant_before_all_years_is_refused_in_words(tmp_path: Path) -> None:
    assert refusal(tmp_path, {"AIMLOOP_AS_OF": "0001-01-01T00:00+05:00"}).what.startswith("setting 'as_of'")


# ── secrets and meaning ───────────────────────────────────────────────────────────────────────


def test_secrets_show_in_no_text(tmp_path: Path) -> None:
    settings = load({"AIMLOOP_STORAGE_KEY": "open sesame", "AIMLOOP_PSEUDONYM_KEY": "shibboleth"}, tmp_path)

    shown = f"{settings!r} {settings} {settings.meaning()} {settings.model_dump_json()}"
    assert "sesame" not in shown
    assert "shibboleth" not in shown
    assert settings.storage_key is not None
    assert settings.storage_key.get_secret_value() == "open sesame"


def test_a_secret_that_does_not_fit_is_not_repeated_in_the_error(tmp_path: Path) -> None:
    write_config(tmp_path, "storage_key = 8675309")

    assert "8675309" not in str(refusal(tmp_path))


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"state": "another"},
        {"port": 4000},
        {"ui_port": 4000},
        {"as_of": "2017-06-01"},
        {"storage_key": "x"},
        {"pseudonym_key": "x"},
    ],
)
def test_where_things_are_kept_does_not_change_what_a_cycle_computes(tmp_path: Path, elsewhere: dict) -> None:
    assert load({}, tmp_path, **elsewhere).meaning() == load({}, tmp_path).meaning()


@pytest.mark.parametrize(
    "change",
    [
        {"source": "another"},
        {"source_folder": "another"},
        {"households": 9},
        {"negative_sampling": 9},
        {"churn_window_days": 9},
        {"churn_horizon_days": 9},
        {"clv_horizon_days": 9},
        {"budget": 9.0},
        {"solver": "cbc"},
        {"seed": 9},
    ],
)
def test_what_changes_the_computation_changes_the_meaning(tmp_path: Path, change: dict) -> None:
    assert load({}, tmp_path, **change).meaning() != load({}, tmp_path).meaning()


# ── sections ──────────────────────────────────────────────────────────────────────────────────


def test_tables_of_ones_own_are_the_source_unless_another_is_asked_for(tmp_path: Path) -> None:
    write_config(tmp_path, '[tables.orders]\nfiles = "orders.csv"')

    assert load({}, tmp_path).source == "company"
    assert load({}, tmp_path, source="complete_journey").source == "complete_journey"


def test_a_table_may_have_one_input_or_several(tmp_path: Path) -> None:
    write_config(tmp_path, '[[tables.orders]]\nfiles = "web.csv"\n[[tables.orders]]\nfiles = ["a.csv", "b.csv"]')

    assert [table.files for table in load({}, tmp_path).tables["orders"]] == [("web.csv",), ("a.csv", "b.csv")]


@pytest.mark.parametrize(
    ("text", "what", "near"),
    [
        (
            "[cleaning]\nzero_amount = 'keep'",
            "unknown setting 'cleaning.zero_amount' from aimloop.toml",
            "zero_amounts",
        ),
        ("[sources.crm]\nhots = 'x'", "unknown setting 'sources.crm.hots' from aimloop.toml", "host"),
        ("[tables.orders]\nfile = 'x'", "unknown setting 'tables.orders.file' from aimloop.toml", "files"),
    ],
)
def test_an_unknown_name_in_a_section_is_refused_with_the_nearest(
    tmp_path: Path, text: str, what: str, near: str
) -> None:
    write_config(tmp_path, text)

    error = refusal(tmp_path)

    assert error.what == what
    assert error.remedy.startswith(f"did you mean '{near}'?")


def test_a_value_in_a_section_is_explained_by_the_section(tmp_path: Path) -> None:
    error = refusal(tmp_path, {"AIMLOOP_QUALITY__MAX_NULL_RATE": "5"})

    assert error.what.startswith("setting 'quality.max_null_rate' from the environment does not fit: ")
    assert error.remedy == "it means: Share of a required column that may be missing."


def test_shares_and_guardrails_are_told_with_commas(tmp_path: Path) -> None:
    given = {"AIMLOOP_EXPERIMENTS__RAMP_SHARES": "0.1, 0.5", "AIMLOOP_EXPERIMENTS__GUARDRAILS": ""}

    experiments = load(given, tmp_path).experiments

    assert (experiments.ramp_shares, experiments.guardrails) == ((0.1, 0.5), ())


@pytest.mark.parametrize("shares", ["0.5,0.2", "0.2,0.2", "0,0.2", "0.5,1", "nan", ""])
def test_a_ramp_rises(tmp_path: Path, shares: str) -> None:
    error = refusal(tmp_path, {"AIMLOOP_EXPERIMENTS__RAMP_SHARES": shares})

    assert error.what.startswith("setting 'experiments")
    assert error.remedy.startswith("it means: ")


def test_an_experiment_cannot_end_before_it_can_be_won(tmp_path: Path) -> None:
    assert "must not exceed max_days" in refusal(tmp_path, {"AIMLOOP_EXPERIMENTS__MIN_DAYS": "29"}).what


def test_secrets_of_sources_come_from_the_environment_alone(tmp_path: Path) -> None:
    write_config(tmp_path, "[sources.crm]\nkind = 'postgres'\npassword = 'hunter22'")

    error = refusal(tmp_path)

    assert "hunter22" not in str(error)
    assert "AIMLOOP_SOURCES__CRM__PASSWORD" in error.remedy
    write_config(tmp_path, "[sources.crm]\nkind = 'postgres'")
    settings = load({"AIMLOOP_SOURCES__CRM__PASSWORD": "hunter22"}, tmp_path)
    assert settings.sources["crm"].password is not None
    assert "hunter22" not in repr(settings)


def test_relative_folders_of_sources_start_where_the_file_lies(tmp_path: Path) -> None:
    write_config(tmp_path, "[sources.shop]\nfolder = 'exports'\n[sources.lake]\nfolder = 's3://bucket/raw'")

    sources = load({}, tmp_path).sources

    assert sources["shop"].folder == str(tmp_path / "exports")
    assert sources["lake"].folder == "s3://bucket/raw"
    assert sources["files"].folder == str(tmp_path)


@pytest.mark.parametrize("secret", ["storage_key", "pseudonym_key"])
def test_keys_come_from_the_environment_or_their_own_files_alone(tmp_path: Path, secret: str) -> None:
    (tmp_path / "aimloop.toml").write_text(f'{secret} = "open sesame"\n')
    with pytest.raises(AimloopError, match=f"holds {secret}: files like it are committed") as refusal:
        load({}, tmp_path)
    assert "sesame" not in str(refusal.value)
    assert f"AIMLOOP_{secret.upper()}" in refusal.value.remedy


@pytest.mark.parametrize("turned", [False, True])
def test_a_variable_that_is_a_section_and_a_value_is_refused(tmp_path: Path, turned: bool) -> None:
    environ = [("AIMLOOP_STATE", "a"), ("AIMLOOP_STATE__X", "b")]
    with pytest.raises(AimloopError, match="cannot both be set"):
        load(dict(environ[::-1] if turned else environ), tmp_path)


def test_an_empty_variable_says_that_there_is_nothing(tmp_path: Path) -> None:
    (tmp_path / CONFIG_FILE).write_text('[alerts]\nblocks = "slack-webhook/on-call"\n', encoding="utf-8")
    assert load({}, tmp_path).alerts.blocks == ("slack-webhook/on-call",)
    assert load({"AIMLOOP_ALERTS__BLOCKS": ""}, tmp_path).alerts.blocks == ()
