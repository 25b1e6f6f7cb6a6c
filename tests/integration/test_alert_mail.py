"""Alerts by e-mail, through a real mail server: to all at once, encrypted, and never a password to who is not known."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, cast

import pytest

from flows.context import Door
from tests.integration.alert_examples import DRIFT, WELL, at, telling
from tests.integration.receivers import Mailbox, mail_server


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
