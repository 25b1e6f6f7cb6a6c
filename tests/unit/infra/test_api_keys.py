"""API keys: what is kept of them, who is recognised, and until when."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.api_keys import ROLES, ApiKeys, recognised
from infra.errors import AimloopError
from infra.ledger import Ledger
from infra.state import State

NOW = datetime(2018, 1, 1, 12)
LATER = NOW + timedelta(days=30)


@pytest.fixture
def keys(state: State) -> Iterator[ApiKeys]:
    with closing(Ledger(state.ledger)) as ledger:
        yield ApiKeys(ledger)


def by_id(keys: ApiKeys) -> dict:
    return {key.id: key for key in keys.all()}


def test_a_key_is_recognised_and_nothing_that_opens_a_door_is_kept(keys: ApiKeys, state: State) -> None:
    key, token = keys.issue("shop", ["score", "read"], NOW)
    assert recognised(token, by_id(keys)) == key
    assert (key.name, key.roles, key.issued_at) == ("shop", {"score", "read"}, NOW)
    secret = token.split("_", 2)[2]
    assert len(secret) == 43
    with closing(sqlite3.connect(state.ledger)) as connection:
        kept = "\n".join(connection.iterdump())
    assert key.id in kept
    assert secret not in kept
    assert key.secret_sha256 not in repr(key)


@pytest.mark.parametrize("change", ["secret", "id", "prefix", "longer", "shorter", "empty", "other key's secret"])
def test_what_is_not_exactly_a_key_is_not_recognised(keys: ApiKeys, change: str) -> None:
    key, token = keys.issue("shop", ["score"], NOW)
    _, other = keys.issue("app", ["admin"], NOW)
    _, id_, secret = token.split("_", 2)
    wrong = {
        "secret": f"aim_{id_}_{secret[:-1]}{'A' if secret[-1] != 'A' else 'B'}",
        "id": f"aim_{'0' * 8 if id_ != '0' * 8 else '1' * 8}_{secret}",
        "prefix": token.removeprefix("aim_"),
        "longer": token + "A",
        "shorter": token[:-1],
        "empty": "",
        "other key's secret": f"aim_{id_}_{other.split('_', 2)[2]}",
    }[change]
    assert recognised(wrong, by_id(keys)) is None
    assert recognised(token, by_id(keys)) == key


@given(st.text(max_size=80))
def test_no_text_at_all_makes_it_stumble(text: str) -> None:
    assert recognised(text, {}) is None


@pytest.mark.parametrize(
    ("expires_at", "revoked_at", "asked_at", "standing"),
    [
        (None, None, LATER, "valid"),
        (LATER, None, LATER - timedelta(seconds=1), "valid"),
        (LATER, None, LATER, "expired"),
        (None, LATER, LATER - timedelta(seconds=1), "revoked"),  # a clock that was set back changes nothing
        (None, LATER, LATER, "revoked"),
        (LATER, LATER, LATER, "revoked"),
    ],
)
def test_a_key_is_valid_until_it_expires_or_is_revoked(keys, expires_at, revoked_at, asked_at, standing):
    key, _ = keys.issue("shop", ["score"], NOW, expires_at)
    if revoked_at is not None:
        key = keys.revoke(key.id, revoked_at)
    assert key.standing(asked_at) == standing


def test_revoking_twice_keeps_the_first_instant(keys: ApiKeys) -> None:
    key, _ = keys.issue("shop", ["score"], NOW)
    keys.revoke(key.id, NOW)
    assert keys.revoke(key.id, LATER).revoked_at == NOW


def test_a_name_is_free_again_once_its_key_is_not_valid(keys: ApiKeys) -> None:
    keys.issue("shop", ["score"], NOW, expires_at=LATER)
    with pytest.raises(AimloopError, match="there is a valid key called 'shop'"):
        keys.issue("shop", ["score"], NOW)
    second, _ = keys.issue("shop", ["score"], LATER)
    keys.revoke(second.id, LATER)
    keys.issue("shop", ["score"], LATER)
    assert [key.name for key in keys.all()] == ["shop"] * 3


@pytest.mark.parametrize(
    ("roles", "what"), [([], "a key needs a role"), (["score", "boss"], "there is no role 'boss'")]
)
def test_roles_are_those_there_are(keys: ApiKeys, roles: list[str], what: str) -> None:
    with pytest.raises(AimloopError, match=what) as error:
        keys.issue("shop", roles, NOW)
    assert "report (report outcomes)" in error.value.remedy
    assert keys.all() == []


def test_admin_may_everything_and_others_what_they_are_for(keys: ApiKeys) -> None:
    admin, _ = keys.issue("ops", ["admin"], NOW)
    shop, _ = keys.issue("shop", ["score"], NOW)
    assert [admin.may(role) for role in ROLES] == [True] * 4
    assert [shop.may(role) for role in ROLES] == [True, False, False, False]


def test_an_unknown_key_cannot_be_revoked(keys: ApiKeys) -> None:
    with pytest.raises(AimloopError, match="there is no key '00000000'"):
        keys.revoke("00000000", NOW)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "tab\there", " shop", "x" * 65, "\u200b"])
def test_a_name_that_lists_could_not_show_is_refused(keys, name) -> None:
    with pytest.raises(AimloopError, match="a key's name has 1 to 64 characters that can be seen"):
        keys.issue(name, ["score"], NOW)
