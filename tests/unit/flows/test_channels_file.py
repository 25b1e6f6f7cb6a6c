"""Files of channels and current plans: what does not fit is named by file, line, column and what to do."""

from pathlib import Path

import pytest

from flows.channels_file import SEED, explained_problem, read_channels, read_current
from infra.errors import AimloopError
from models.errors import Infeasible, SolverFailed, Unbounded

HEAD = "channel,unit_cost,unit_return,max_units,min_units"


def written(folder: Path, text: str) -> Path:
    file = folder / "channels.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_seed_is_read_and_marked_as_assumed() -> None:
    assert read_channels(SEED)["is_assumed"].tolist() == [True] * 3


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ("", "cannot be read as CSV", "as a pattern"),
        (HEAD + "\n", "holds no line but its heading", "as a pattern"),
        ("channel,unit_cost\nfeed,1\n", "lacks the column 'unit_return'", "it needs channel,"),
        (HEAD + "\nfeed,x,1,1,0\n", "line 2, column 'unit_cost': 'x' is not a number", "write a plain number"),
        (HEAD + "\nfeed,1,1,1,0\nsearch,-1,1,1,0\n", "line 3, column 'unit_cost': is -1", "above 0"),
        (HEAD + "\nfeed,1,1,1,0\nfeed,2,1,1,0\n", "line 3, column 'channel': 'feed' is there already", "one row"),
        (HEAD + ",curency\nfeed,1,1,1,0,EUR\n", "column 'curency': is not known", "currency"),
        (HEAD + ",currency\nfeed,1,1,1,0,EUR\nsearch,1,1,1,0,USD\n", "line 3, column 'currency': is USD", "convert"),
        (HEAD + "\nfeed,1,1,-1,0\n", "line 2, column 'max_units': is -1", "at least 0"),
        (HEAD + '\nfeed,1,1,"5,000",0\n', "line 2, column 'max_units': '5,000' is not a number", "such as 1234.5"),
        (HEAD + "\nfeed,1,1,1,0,7\n", "line 2 has 6 cells, its heading 5", "hold a comma"),
        (HEAD + "\nfeed,1,1,1\n", "line 2 has 4 cells, its heading 5", "is a cell missing"),
        ("channel,unit_cost,unit_cost ,max_units\nfeed,1,2,3\n", "has the column 'unit_cost' twice", "take one out"),
        (HEAD + "\n\nfeed,1,1,1,0\n,,,,\n\nsearch,-1,1,1,0\n", "line 6, column 'unit_cost': is -1", "above 0"),
        (HEAD + '\n"fe\ned",1,1,1,0\n', "line 2, column 'channel': holds a control character", "take it out"),
        (HEAD + ',offer\nfeed,1,1,1,0,"a"\n"feed",1,1,"\n1",-1,b\n', "line 3, column 'min_units': is -1", "at least"),
        (
            HEAD + ",segment,response_value\nfeed,1,1,1,0,a,3\n\nfeed,1,1,1,0,b,2\n",
            "line 4, column 'response_value': is 2, and 3 in another row of 'feed' (line 2)",
            "say it once",
        ),
        (HEAD + "\nfeed,1,1,1,True\n", "line 2, column 'min_units': 'True' is not a number", "plain number"),
        (HEAD + '\n"feed"x,1,1,1,0\n', "line 2 cannot be read as CSV", "UTF-8"),
    ],
)
def test_a_file_of_channels_that_does_not_fit(tmp_path: Path, text: str, what: str, remedy: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(AimloopError) as refused:
        read_channels(file)
    assert what in refused.value.what
    assert str(file) in refused.value.what
    assert remedy in refused.value.remedy


def test_names_stay_as_they_are_written(tmp_path: Path) -> None:
    names = ["007", "NA", "None", "null", "nan", "all", "1e5"]
    file = written(tmp_path, HEAD + "".join(f"\n {name} ,1,1,1,0" for name in names))
    assert read_channels(file)["channel"].tolist() == names


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_spreadsheets_save_is_read(tmp_path: Path, encoding: str, delimiter: str) -> None:
    file = tmp_path / "channels.csv"
    text = HEAD + "\r\nBroschüre für Köln,1.5,1,1,0\r\nCafé,2,1,1,0\r\n"
    file.write_bytes(text.replace(",", delimiter).encode(encoding))
    found = read_channels(file)
    assert found["channel"].tolist() == ["Broschüre für Köln", "Café"]
    assert found["unit_cost"].tolist() == [1.5, 2]


@pytest.mark.parametrize(("cell", "number"), [("0,9", 0.9), ("12,50", 12.5), ("0,125", 0.125), ("1234,5", 1234.5)])
def test_where_cells_are_not_separated_by_commas_decimals_may_be(tmp_path: Path, cell: str, number: float) -> None:
    file = written(tmp_path, HEAD.replace(",", ";") + f"\nfeed;{cell};1;1;0\n")
    assert read_channels(file)["unit_cost"].tolist() == [number]


def test_a_comma_that_may_stand_for_thousands_is_not_guessed_at(tmp_path: Path) -> None:
    file = written(tmp_path, HEAD.replace(",", ";") + "\nfeed;5,000;1;1;0\n")
    with pytest.raises(AimloopError, match="'5,000' is not a number"):
        read_channels(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AimloopError, match=r"there is no .*nofile.csv"):
        read_channels(tmp_path / "nofile.csv")


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "channels.csv"
    file.write_bytes(b"PK\x03\x04" + bytes(range(256)) * 8)
    with pytest.raises(AimloopError, match=r"no text file|cannot be read"):
        read_channels(file)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("channel,unit\nfeed,1\n", "has a column 'unit'"),
        ("channel\nfeed\n", "lacks the column 'units'"),
        ("channel,units\nfeed,1\nsearch,-2\n", "line 3, column 'units': '-2'"),
        ("channel,units\nfeed,many\n", "line 2, column 'units': 'many'"),
    ],
)
def test_a_current_plan_that_does_not_fit(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(AimloopError) as refused:
        read_current(written(tmp_path, text))
    assert what in refused.value.what


@pytest.mark.parametrize(
    ("error", "remedy"),
    [(Infeasible("x"), "one of the limits"), (Unbounded("x"), "give a budget"), (SolverFailed("x"), "AIMLOOP_SOLVER")],
)
def test_what_solvers_refuse_comes_with_advice(error: Exception, remedy: str) -> None:
    with pytest.raises(AimloopError, match="no budget plan: x") as refused, explained_problem(None):
        raise error
    assert remedy in refused.value.remedy
