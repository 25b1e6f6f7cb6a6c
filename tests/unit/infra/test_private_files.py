"""Lists that leave the system: safe in a spreadsheet, for their owner alone, whole or not at all."""

import io
from pathlib import Path

import pandas as pd
import pytest

from infra.errors import AimloopError
from infra.private_files import encoded, refuse_overwriting, written


@pytest.mark.parametrize(
    ("cell", "written_as"),
    [
        ("=1+1", "'=1+1"),
        ("=HYPERLINK(A1)", "'=HYPERLINK(A1)"),
        ("+1-2", "'+1-2"),
        ("-2+3", "'-2+3"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("a=1", "a=1"),
        ("+49 170 1234567", "+49 170 1234567"),
        ("-17", "-17"),
        ("Müller, Ada", "Müller, Ada"),
    ],
)
def test_no_cell_is_a_formula(cell: str, written_as: str) -> None:
    content = encoded(pd.DataFrame({"customer_id": [cell], "churn_probability": [-0.5]}), "csv")

    read = pd.read_csv(io.BytesIO(content), lineterminator="\n", dtype={"customer_id": str})
    assert read.to_dict("list") == {"customer_id": [written_as], "churn_probability": [-0.5]}


def test_what_is_missing_stays_empty_and_an_empty_list_has_its_columns() -> None:
    frame = pd.DataFrame({"customer_id": ["1"], "segment": [None], "churn_probability": [float("nan")]})

    assert encoded(frame, "csv") == b"customer_id,segment,churn_probability\n1,,\n"
    assert encoded(frame[:0], "csv") == b"customer_id,segment,churn_probability\n"


def test_parquet_holds_texts_as_they_are() -> None:
    frame = pd.DataFrame({"customer_id": ["=1"], "churn_probability": [0.5]})

    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(encoded(frame, "parquet"))), frame)


def test_a_file_is_there_when_the_block_has_ended_well_and_only_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"

    with written(path, b"a", replace=False):
        assert not path.exists()

    assert path.read_bytes() == b"a"
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_left_when_the_block_fails(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(b"before")

    with pytest.raises(KeyError), written(path, b"after", replace=True):
        raise KeyError

    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"list.csv": b"before"}


def test_what_is_there_is_kept_unless_it_may_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(b"before")

    with pytest.raises(AimloopError, match="is there already"), written(path, b"after", replace=False):
        pass
    assert path.read_bytes() == b"before"

    with written(path, b"after", replace=True):
        pass
    assert path.read_bytes() == b"after"
    assert oct(path.stat().st_mode & 0o777) == "0o600"


def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"

    with pytest.raises(AimloopError, match="is there already"), written(path, b"mine", replace=False):
        path.write_bytes(b"theirs")

    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"list.csv": b"theirs"}


@pytest.mark.parametrize("name", ["", "nowhere/list.csv"])
def test_a_folder_or_a_missing_one_is_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(AimloopError, match="folder"):
        refuse_overwriting(tmp_path / name, replace=True)
