"""Alerts through real Prefect blocks: receivers on this machine hear of an incident once, and hear of it at last."""

import logging
import ssl
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.alert import announce
from flows.context import Door, simulated
from infra.deliveries import Deliveries
from infra.incidents import Delivery, Incidents
from infra.sections import Alerts
from monitoring.alerts import Condition, News
from tests import small_state
from tests.integration.receivers import Mailbox, Receiver, mail_server, webhook
from tests.services import free_port

NOON = datetime(2017, 5, 7, 12)
DRIFT = Condition("drift.ctr", False, "warning", "drift in ctr", ("price moved by 0.6 σ", "b", "c", "d"))
WELL = Condition("drift.ctr", True, "warning", "no drift in ctr")
SECRET = "a-token-that-nobody-may-see"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook() as receiver:
        yield receiver


class Kept(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """All that anybody logs: Prefect puts handlers of its own in the place of pytest's."""
    from prefect.logging.configuration import setup_logging

    setup_logging()
    kept = Kept()
    loggers = [logging.getLogger(name) for name in (None, "prefect", "prefect.flow_runs")]
    for logger in loggers:
        logger.addHandler(kept)
    monkeypatch.setattr(loggers[0], "level", logging.DEBUG)
    logging.getLogger("httpx").info("this is kept")
    assert kept.lines == ["this is kept"]
    yield kept.lines
    for logger in loggers:
        logger.removeHandler(kept)


@pytest.fixture
def quiet_door(tmp_path: Path, prefect_server: Mapping[str, str]) -> Door:
    return small_state.open_door(tmp_path / "state")


@pytest.fixture
def door(quiet_door: Door, receiver: Receiver) -> Door:
    """A door that tells the receiver."""
    return telling(quiet_door, webhook_block(receiver.url))


def telling(door: Door, *blocks: str) -> Door:
    return replace(door, settings=door.settings.model_copy(update={"alerts": Alerts(blocks=blocks)}))


def webhook_block(url: str, name: str = "on-call", timeout: float = 10) -> str:
    from prefect.blocks.core import Block

    from flows.notification import save_webhook

    full = save_webhook(name, f"{url}/{SECRET}", SECRET, is_replacement=True)
    block = cast(Any, Block).load(full)
    assert SECRET not in repr(block)
    if timeout != 10:
        block.timeout = timeout
        block.save(name, overwrite=True)
    return full


def at(hours: float, door: Door, *conditions: Condition, news: tuple[News, ...] = ()) -> dict[str, Any]:
    with simulated(NOON + timedelta(hours=hours)):
        return announce(door, conditions, news)


def deliveries(door: Door) -> list[Delivery]:
    """Of the first incident, of all messages."""
    return [each for told in Incidents(door.ledger).all()[-1].messages for each in told.deliveries]


def test_an_incident_from_its_beginning_to_its_end(door: Door, receiver: Receiver) -> None:
    for hours, condition in ((0, DRIFT), (1, DRIFT), (23, DRIFT), (24, DRIFT), (25, DRIFT), (50, WELL), (51, WELL)):
        at(hours, door, condition, news=(News("promoted.churn:b", "churn:b is champion"),))
    assert [document["subject"] for document in receiver.documents] == [
        "[aimloop] WARNING: drift in ctr",
        "[aimloop] churn:b is champion",
        "[aimloop] still WARNING after 1 d: drift in ctr",
        "[aimloop] resolved after 2 d 2 h: drift in ctr",
    ]
    assert "  1. price moved by 0.6 σ\n  2. b\n  3. c\n  and 1 more\n" in receiver.documents[0]["body"]
    assert {headers["Authorization"] for headers in receiver.headers} == {f"Bearer {SECRET}"}


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        ("500", "it answered 500"),
        ("refused", "it could not be reached (ConnectError)"),
        ("slow", "no answer in time"),
        ("gone", "there is no such block: `aimloop alerts add` makes one"),
        ("another kind", "that block is not one that notifies"),
    ],
)
def test_what_fails_is_noted_and_tried_again_and_the_flow_goes_on(
    quiet_door: Door, receiver: Receiver, logged: list[str], trouble: str, why: str
) -> None:
    from prefect import flow
    from prefect.blocks.system import Secret

    block = webhook_block(receiver.url, f"on-call-{trouble.replace(' ', '-')}", 0.5 if trouble == "slow" else 10)
    if trouble == "refused":
        block = webhook_block(f"http://127.0.0.1:{free_port()}", "on-call-refused")
    if trouble == "another kind":
        Secret(value=SECRET).save("on-call", overwrite=True)  # type: ignore[unused-coroutine]
    receiver.status, receiver.seconds = (500 if trouble == "500" else 200), (2 if trouble == "slow" else 0)
    named = {"gone": "slack-webhook/nobody", "another kind": "secret/on-call"}.get(trouble, block)
    broken = telling(quiet_door, named)

    @flow
    def watch() -> str:
        return str(at(0, broken, DRIFT)["failed"][named])

    assert watch() == why
    again = at(1, broken, DRIFT)
    assert (again["kept"], again["failed"], again["waiting"]) == (["drift.ctr"], {named: why}, 1)
    assert [(each.failure, each.tries, each.sent_at) for each in deliveries(broken)] == [(why, 2, None)]
    assert [line for line in logged if why in line]
    assert [line for line in logged if SECRET in line] == []
    assert SECRET.encode() not in quiet_door.state.ledger.read_bytes()

    receiver.status, receiver.seconds, receiver.documents = 200, 0, []
    if trouble in ("500", "slow"):
        assert at(2, broken, DRIFT)["sent"] == 1
        assert [document["subject"] for document in receiver.documents] == ["[aimloop] WARNING: drift in ctr"]
        assert [(each.failure, each.tries) for each in deliveries(broken)] == [(None, 3)]


def test_a_broken_block_keeps_nobody_else_from_hearing_and_is_not_reminded(
    quiet_door: Door, receiver: Receiver
) -> None:
    broken = webhook_block(f"http://127.0.0.1:{free_port()}", "broken")
    door = telling(quiet_door, broken, webhook_block(receiver.url))
    for hours in (0, 24, 48):
        at(hours, door, DRIFT, replace(DRIFT, key="drift.churn", headline="drift in churn"))
    assert len(receiver.documents) == 6
    waiting = [each for each in deliveries(door) if each.block == broken]
    assert [(each.tries, each.sent_at) for each in waiting] == [(3, None)]
    (other,) = Incidents(door.ledger).all()[0].messages[0].deliveries[:1]
    assert (other.block, other.tries) == (broken, 0)  # one that failed is left alone until the next announcement


def test_of_two_announcers_at_once_people_hear_once(door: Door, receiver: Receiver) -> None:
    receiver.seconds = 0.3
    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(at, 0, door, DRIFT) for _ in range(2)]
        results = [each.result() for each in done]
    assert sorted(len(result["opened"]) for result in results) == [0, 1]
    assert len(receiver.documents) == 1


def test_a_crash_between_sending_and_noting_sends_twice_and_loses_nothing(
    door: Door, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(Deliveries, "sent", crash)
        at(0, door, DRIFT)
    at(1, door, DRIFT)
    at(2, door, DRIFT)
    assert len(receiver.documents) == 2


def test_slack(quiet_door: Door, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, logged: list[str]) -> None:
    from apprise.plugins.slack import NotifySlack

    from flows.notification import save_slack

    monkeypatch.setattr(NotifySlack, "webhook_url", receiver.url)
    block = save_slack("on-call", "https://hooks.slack.com/services/T1/B2/verysecret", is_replacement=True)
    door = telling(quiet_door, block)
    receiver.status = 500
    assert at(0, door, DRIFT)["failed"] == {"slack-webhook/on-call": "it answered 500"}
    receiver.status = 200
    assert at(1, door, DRIFT)["sent"] == 1
    (document,) = receiver.documents
    assert [line for line in logged if "verysecret" in line] == []
    assert "drift in ctr" in str(document)
    assert "price moved by 0.6" in str(document)


# ── mail ──────────────────────────────────────────────────────────────────────────────────────


def email_block(box: Mailbox, **more: Any) -> str:
    from flows.email import Email
    from flows.notification import save_email

    to = {"sender": "aimloop@example.com", "recipients": ["on-call@example.com", "boss@example.com"]}
    block = Email(host="127.0.0.1", port=box.port, **to, **({"security": "none"} | more))
    assert box.password not in repr(block)
    return save_email("on-call", block, is_replacement=True)


def test_mail_goes_to_all_in_one_message(quiet_door: Door) -> None:
    with mail_server() as box:
        box.refuses = "boss@example.com"
        assert at(0, telling(quiet_door, email_block(box)), DRIFT)["sent"] == 1  # whom it reached hear no more of it
        box.refuses = None
        at(1, telling(quiet_door, email_block(box)), WELL)
    assert [(to, mail["Subject"]) for to, mail in box.mails] == [
        (["on-call@example.com"], "[aimloop] WARNING: drift in ctr"),
        (["on-call@example.com", "boss@example.com"], "[aimloop] resolved after 1 h: drift in ctr"),
    ]
    text = cast(bytes, box.mails[0][1].get_payload(decode=True)).decode()
    assert "  1. price moved by 0.6 σ\n" in text.replace("\r\n", "\n")


def test_mail_that_signs_in_over_starttls(
    quiet_door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: list[str]
) -> None:
    certificate = certify(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with mail_server(context, asks=True) as box:
        secure = {"security": "starttls", "user": box.user}
        door = telling(quiet_door, email_block(box, **secure, password=box.password))
        assert at(0, door, DRIFT)["failed"] == {"email/on-call": "its certificate is not trusted"}
        assert box.signed_in == []  # who is not known is told no password
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        email_block(box, **secure, password="wrong")
        assert at(1, door, DRIFT)["failed"] == {
            "email/on-call": "the mail server answered 535 (SMTPAuthenticationError)"
        }
        email_block(box, **secure, password=box.password)
        assert at(2, door, DRIFT)["sent"] == 1
    assert len(box.mails) == 1
    assert [line for line in logged if box.password in line] == []


def test_mail_that_must_be_encrypted_is_not_sent_in_the_clear(quiet_door: Door) -> None:
    with mail_server() as box:
        door = telling(quiet_door, email_block(box, security="starttls"))
        assert at(0, door, DRIFT)["failed"] == {"email/on-call": "SMTPNotSupportedError"}
    assert box.mails == []


def certify(folder: Path) -> Path:
    """A certificate of this machine that it signed itself, and its key, in one file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, none = serialization.Encoding.PEM, serialization.NoEncryption()
    file = folder / "certificate.pem"
    file.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, none) + signed.public_bytes(pem))
    return file


# ── whatever happens ──────────────────────────────────────────────────────────────────────────

TURNS = st.lists(st.tuples(st.floats(0, 30), st.booleans(), st.sets(st.sampled_from("ab"))), min_size=1, max_size=8)


@settings(max_examples=25, deadline=None)
@given(TURNS)
def test_whatever_fails_each_block_hears_all_in_order_and_once(
    tmp_path_factory: pytest.TempPathFactory,
    prefect_server: Mapping[str, str],
    turns: list[tuple[float, bool, set[str]]],
) -> None:
    from flows import notification

    heard: dict[str, list[str]] = {"fake/a": [], "fake/b": []}
    broken: set[str] = set()

    def send(block: str, subject: str, _: str) -> None:
        if block in broken:
            raise notification.NotSentError("broken")
        heard[block].append(subject)

    door = telling(small_state.open_door(tmp_path_factory.mktemp("any") / "state"), *heard)
    hours = 0.0
    with pytest.MonkeyPatch.context() as patch, closing(door.ledger):
        patch.setattr(notification, "send", send)
        for later, is_well, out in [*turns, (1.0, True, set())]:
            hours += later
            broken = {f"fake/{block}" for block in out}
            at(hours, door, WELL if is_well else DRIFT)
        incidents = Incidents(door.ledger).all()
    told = [message for incident in reversed(incidents) for message in incident.messages]
    for block, subjects in heard.items():
        owed = [t.subject for t in told if any(d.block == block and not d.given_up_at for d in t.deliveries)]
        assert subjects == owed
        opened = sum("WARNING: " in subject and "still" not in subject for subject in subjects)
        assert opened == sum("resolved" in subject for subject in subjects)
