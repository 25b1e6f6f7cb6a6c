"""Notification blocks of Prefect: the ways by which people are told. Secrets stay in them.

A block is named as Prefect names it: ``slack-webhook/on-call``. Any that can notify will do; this project makes those
of Slack, of a webhook and (a type of its own) of e-mail.
"""

import logging
import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import httpx
from prefect.blocks.abstract import NotificationBlock, NotificationError
from prefect.blocks.core import Block
from prefect.blocks.notifications import CustomWebhookNotificationBlock, SlackWebhook
from prefect.exceptions import ObjectNotFound
from pydantic import SecretStr

from flows.email import Email
from infra.errors import AimloopError

_TALKATIVE = ("httpx", "httpcore", "urllib3", "apprise")  # they log addresses, which are secrets here
_STATUS = re.compile(r"error=(\d{3})\b")


class NotSentError(Exception):
    """Why a message could not be sent; never with an address or a password."""


def send(name: str, subject: str, body: str) -> None:
    """Send a message through a saved block.

    Raises:
        NotSentError: it did not get through, or nobody knows whether it did.
    """
    try:
        block = cast(Any, Block).load(name, _sync=True)
    except ValueError:
        raise NotSentError("there is no such block: `aimloop alerts add` makes one") from None
    except Exception as error:  # whatever Prefect's client raises: it may hold what must not be told
        raise NotSentError(f"the Prefect server does not give it: {type(error).__name__}") from None
    if not isinstance(block, NotificationBlock):
        raise NotSentError("that block is not one that notifies")
    try:
        with _quiet(), block.raise_on_failure():
            cast(Any, block).notify(body=body, subject=subject)
    except Exception as error:  # as many kinds as there are blocks
        raise NotSentError(_why(error)) from None


def save_slack(name: str, url: str, *, is_replacement: bool) -> str:
    """A block for a Slack webhook, by its name; see `_save`."""
    return _save(SlackWebhook(url=SecretStr(url)), name, is_replacement)


def save_webhook(name: str, url: str, token: str | None, *, is_replacement: bool) -> str:
    """A block that posts ``{"subject": …, "body": …}``; the address and the token are its secrets."""
    secrets = {"url": url, **({"token": token} if token else {})}
    block = CustomWebhookNotificationBlock(
        name=name,
        url="{{url}}",
        json_data={"subject": "{{subject}}", "body": "{{body}}"},
        headers={"Authorization": "Bearer {{token}}"} if token else None,
        secrets=cast(Any, secrets),
    )
    return _save(block, name, is_replacement)


def save_email(name: str, block: Email, *, is_replacement: bool) -> str:
    """A block that sends mail; see `_save`."""
    return _save(block, name, is_replacement)


def remove(name: str) -> None:
    """Raises:
    AimloopError: there is no such block.
    """
    try:
        cast(Any, Block).delete(name, _sync=True)
    except (ObjectNotFound, ValueError):
        raise AimloopError(f"there is no block {name}", "`aimloop alerts` names those of the settings") from None


def _save(block: Block, name: str, is_replacement: bool) -> str:
    """Raises:
    AimloopError: a block of that name is there, and is not to be replaced.
    """
    full = f"{block.get_block_type_slug()}/{name}"
    try:
        cast(Any, block).save(name, overwrite=is_replacement, _sync=True)
    except ValueError as error:
        if "already in use" not in str(error):
            raise
        raise AimloopError(f"there is a block {full}", "--replace puts the new one in its place") from None
    return full


@contextmanager
def _quiet() -> Iterator[None]:
    before = {name: logging.getLogger(name).level for name in _TALKATIVE}
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def _why(error: Exception) -> str:
    """What went wrong, in words that hold nothing of the block."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"it answered {error.response.status_code}"
    if isinstance(error, NotificationError):
        status = _STATUS.search(error.log)
        return f"it answered {status[1]}" if status else "it could not be reached, or refused"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"the mail server answered {error.smtp_code} ({type(error).__name__})"
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not trusted"
    if isinstance(error, httpx.TransportError):
        return f"it could not be reached ({type(error).__name__})"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
