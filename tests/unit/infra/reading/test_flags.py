"""Truth values as exports write them."""

import duckdb
import pytest

from infra.reading import flags


def read(text: str) -> bool | None:
    return duckdb.execute(f"SELECT {flags.expression('text')} FROM (SELECT ? AS text)", [text]).fetchone()[0]


@pytest.mark.parametrize("text", ["yes", "Y", "Ja", "OUI", "sí", "x", "是", "granted", "1.0"])
def test_words_for_yes(text: str) -> None:
    assert read(text) is True


@pytest.mark.parametrize("text", ["no", "N", "Nein", "NON", "não", "否", "denied", "0.0"])
def test_words_for_no(text: str) -> None:
    assert read(text) is False


@pytest.mark.parametrize("text", ["", "maybe", "2", "yes and no", "-"])
def test_what_is_neither_is_not_made_one(text: str) -> None:
    assert read(text) is None
