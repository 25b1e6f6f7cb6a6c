"""What the services' log must not hold: a refused request, which names customers by the company's own ids."""

import logging
from json import JSONDecodeError

from bentoml.exceptions import BentoMLException
from pydantic import ValidationError


def leave_out_refused_requests() -> None:
    """Keep BentoML from logging the content of requests that do not fit; the caller is told, the log is not."""
    logging.getLogger("bentoml._internal.server.http_app").addFilter(_is_our_fault)


def _is_our_fault(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    is_refusal = isinstance(error, (ValidationError, JSONDecodeError, UnicodeDecodeError)) or (
        isinstance(error, BentoMLException) and 400 <= error.error_code < 500
    )
    return not is_refusal
