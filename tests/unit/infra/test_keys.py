"""Keys and pseudonyms: the same for the same key, without digits, and never shown."""

import hashlib
import hmac
import re
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.errors import AimloopError
from infra.keys import Keys, open_keys
from infra.settings import Settings, load
from infra.state import State

examples = settings(max_examples=200, deadline=None, derandomize=True, database=None)

LETTERS = dict(zip("0123456789abcdef", "abcdefghijklmnop", strict=True))

ids = st.text(max_size=40)
secret_bytes = st.binary(min_size=1, max_size=80)


# ── pseudonyms ────────────────────────────────────────────────────────────────────────────────


def test_a_pseudonym_is_rfc_4231s_first_answer_in_letters() -> None:
    # RFC 4231, test case 1: b0344c61d8db38535ca8afce…
    assert Keys("", b"\x0b" * 20).pseudonymise("Hi There") == "ladeemgbninldifdfmkikpmo"


@examples
@given(ids, secret_bytes)
def test_a_pseudonym_is_24_letters_from_a_to_p(customer_id: str, key: bytes) -> None:
    assert re.fullmatch("[a-p]{24}", Keys("", key).pseudonymise(customer_id))


@examples
@given(ids, secret_bytes)
def test_a_pseudonym_is_the_hmac_of_the_id_cut_to_96_bits(customer_id: str, key: bytes) -> None:
    expected = hmac.new(key, customer_id.encode("utf-8"), hashlib.sha256).hexdigest()[:24]

    assert Keys("", key).pseudonymise(customer_id) == "".join(LETTERS[digit] for digit in expected)


def test_the_same_id_has_the_same_pseudonym_in_every_run() -> None:
    # printf 1 | openssl dgst -sha256 -hmac key | cut -d' ' -f2 | cut -c1-24 | tr 0-9a-f a-p
    assert Keys("a", b"key").pseudonymise("1") == Keys("b", b"key").pseudonymise("1") == "gnkjbpljbfbhlobpfmnmpdkp"


def test_ids_and_keys_that_differ_a_little_have_pseudonyms_that_differ() -> None:
    pseudonyms = {Keys("", key).pseudonymise(id_) for key in (b"key", b"Key", b"key2") for id_ in ("1", "01", "1 ", "")}

    assert len(pseudonyms) == 12


def test_the_fingerprint_tells_pseudonym_keys_apart_and_nothing_else() -> None:
    one, same, other = Keys("a", b"key"), Keys("b", b"key"), Keys("a", b"other")

    assert one.fingerprint() == same.fingerprint() != other.fingerprint()
    assert re.fullmatch("[0-9a-f]{8}", one.fingerprint())


def test_keys_show_in_no_text() -> None:
    keys = Keys(storage="open sesame", pseudonym=b"shibboleth")

    assert f"{keys!r} {keys}" == "Keys() Keys()"


# ── files ─────────────────────────────────────────────────────────────────────────────────────


def test_first_use_makes_two_files_that_only_the_owner_reads(state: State) -> None:
    keys = open_keys(Settings(), state)

    storage, pseudonym = state.keys / "storage.key", state.keys / "pseudonym.key"
    assert (storage.read_text(), pseudonym.read_text()) == (f"{keys.storage}\n", f"{keys.pseudonym.decode()}\n")
    assert [stat.S_IMODE(file.stat().st_mode) for file in (storage, pseudonym)] == [0o600, 0o600]
    assert {file.name for file in state.keys.iterdir()} == {"storage.key", "pseudonym.key"}


def test_keys_are_64_random_hex_digits_each(state: State, tmp_path: Path) -> None:
    one, other = open_keys(Settings(), state), open_keys(Settings(), State(tmp_path / "other").open())

    made = {one.storage, one.pseudonym.decode(), other.storage, other.pseudonym.decode()}
    assert len(made) == 4
    assert all(re.fullmatch("[0-9a-f]{64}", key) for key in made)


def test_later_uses_read_the_same_keys(state: State) -> None:
    assert open_keys(Settings(), state) == open_keys(Settings(), state)


def test_what_an_interrupted_first_use_left_does_not_hinder_the_next(state: State) -> None:
    (state.keys / "storage.key.fresh").write_text("half a k")

    assert re.fullmatch("[0-9a-f]{64}", open_keys(Settings(), state).storage)


@pytest.mark.parametrize(
    ("lost", "variable"), [("storage", "AIMLOOP_STORAGE_KEY"), ("pseudonym", "AIMLOOP_PSEUDONYM_KEY")]
)
def test_a_lost_key_is_not_made_anew_while_the_raw_zone_needs_it(state: State, lost: str, variable: str) -> None:
    open_keys(Settings(), state)
    state.raw_zone.write_bytes(b"a raw zone")
    (state.keys / f"{lost}.key").unlink()

    with pytest.raises(AimloopError) as caught:
        open_keys(Settings(), state)

    assert caught.value.what == f"{state.keys / f'{lost}.key'} is missing, but {state.raw_zone} was written with it"
    assert variable in caught.value.remedy
    assert not (state.keys / f"{lost}.key").exists()


def test_keys_of_the_environment_win_over_the_files(state: State, tmp_path: Path) -> None:
    open_keys(Settings(), state)
    environ = {"AIMLOOP_STORAGE_KEY": "open sesame, please", "AIMLOOP_PSEUDONYM_KEY": "shibboleth of many"}

    keys = open_keys(load(environ, tmp_path), state)

    assert (keys.storage, keys.pseudonym) == ("open sesame, please", b"shibboleth of many")


def test_keys_of_the_environment_need_no_files_and_make_none(state: State, tmp_path: Path) -> None:
    state.raw_zone.write_bytes(b"a raw zone")
    environ = {"AIMLOOP_STORAGE_KEY": "open sesame, please", "AIMLOOP_PSEUDONYM_KEY": "shibboleth of many"}

    open_keys(load(environ, tmp_path), state)

    assert list(state.keys.iterdir()) == []


@pytest.mark.parametrize("variable", ["AIMLOOP_STORAGE_KEY", "AIMLOOP_PSEUDONYM_KEY"])
def test_an_empty_key_is_no_key(state: State, tmp_path: Path, variable: str) -> None:
    with pytest.raises(AimloopError):
        open_keys(load({variable: ""}, tmp_path), state)


@pytest.mark.parametrize("variable", ["AIMLOOP_STORAGE_KEY", "AIMLOOP_PSEUDONYM_KEY"])
def test_a_key_of_15_characters_is_too_short_and_16_are_enough(state: State, tmp_path: Path, variable: str) -> None:
    with pytest.raises(AimloopError) as caught:
        open_keys(load({variable: "x" * 15}, tmp_path), state)
    assert caught.value.what == f"the key in {variable} has 15 characters, 16 are the least"

    keys = open_keys(load({variable: "x" * 16}, tmp_path), state)
    assert "x" * 16 in (keys.storage, keys.pseudonym.decode())


@pytest.mark.parametrize("damaged", [b"", b"half a k", b"\n"])
def test_a_damaged_key_file_is_named_and_kept(state: State, damaged: bytes) -> None:
    file = state.keys / "pseudonym.key"
    file.write_bytes(damaged)

    with pytest.raises(AimloopError, match="16 are the least") as caught:
        open_keys(Settings(), state)

    assert str(file) in caught.value.what
    assert file.read_bytes() == damaged
