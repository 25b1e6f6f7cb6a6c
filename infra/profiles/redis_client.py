"""Connections to Redis, and its troubles in words that hold neither a password nor a customer.

What Redis and its client say may quote the command that failed, so that it is never passed on.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis, exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from infra.errors import AimloopError
from infra.settings import Settings

_VARIABLE = "AIMLOOP_SERVICES__REDIS_URL"
_REFUSED = (
    exceptions.AuthenticationError,
    exceptions.AuthorizationError,
    exceptions.AuthenticationWrongNumberOfArgsError,
    exceptions.NoPermissionError,
)


def for_reading(settings: Settings) -> Redis:
    """The process's connections for lookups: whoever waits longer than a second is told so.

    Raises:
        AimloopError: ``services.redis_url`` is missing, or no address.
    """
    return _client(_url(settings), connect_seconds=1, read_seconds=1)


def for_writing(settings: Settings) -> Redis:
    """The same for publishing, erasing and rotating."""
    return _client(_url(settings), connect_seconds=5, read_seconds=60)


def _url(settings: Settings) -> str:
    url = settings.services.redis_url
    if url is None:
        raise AimloopError(
            "profiles are kept in Redis, and services.redis_url does not say where it is",
            f"set {_VARIABLE}, such as rediss://:password@host:6379/0",
        )
    return url.get_secret_value()


@functools.lru_cache(maxsize=8)
def _client(url: str, connect_seconds: float, read_seconds: float) -> Redis:
    # Requests wait: nothing is tried twice. A connection that was closed while idle is noticed before its use.
    never_again = Retry(NoBackoff(), 0)
    try:
        return Redis.from_url(
            url, socket_connect_timeout=connect_seconds, socket_timeout=read_seconds, retry=never_again, protocol=2
        )
    except ValueError:  # says what it has read, of which the password may be a part
        raise AimloopError(
            "services.redis_url is not the address of a Redis",
            f"set {_VARIABLE} to one such as rediss://:password@host:6379/0; "
            "in a password, : / ? # [ ] @ and % are written as %3A and so on",
        ) from None


@contextmanager
def explained(client: Redis) -> Iterator[None]:
    """Raises:
    AimloopError: for everything that Redis or the way to it may raise.
    """
    try:
        yield
    except exceptions.RedisError as error:
        raise trouble(error, client) from None


def trouble(error: exceptions.RedisError, client: Redis) -> AimloopError:
    """What to tell people."""
    where = f"Redis at {address(client)}"
    if isinstance(error, _REFUSED):
        return AimloopError(
            f"{where} refuses this user or password, or a command",
            f"check {_VARIABLE}; its user needs @read, @write and @connection on the keys aimloop:*",
        )
    if isinstance(error, exceptions.OutOfMemoryError):
        return AimloopError(
            f"the memory of {where} is full; the profiles published before stay",
            "raise its maxmemory (two generations must find room), then run again: finished steps are kept",
        )
    if isinstance(error, exceptions.ReadOnlyError):
        return AimloopError(f"{where} is a replica, which cannot be written", f"set {_VARIABLE} to its primary")
    if isinstance(error, exceptions.BusyLoadingError):
        return AimloopError(f"{where} is still loading its data", "wait a little and try again")
    if isinstance(error, exceptions.ConnectionError | exceptions.TimeoutError):
        return AimloopError(
            f"{where} cannot be reached, or the connection was lost",
            f"see that it runs and that {_VARIABLE} is right, then try again",
        )
    if "WRONGTYPE" in str(error):
        return AimloopError(
            f"{where} holds something else under a key of aimloop's (aimloop:*)",
            "remove that key, or choose another database of it: the number at the end of the address",
        )
    return AimloopError(
        f"{where} cannot do what it was asked ({type(error).__name__})", "look into its log; then try again"
    )


def address(client: Redis) -> str:
    """Host and port, or the socket's path."""
    known = client.get_connection_kwargs()
    return known.get("path") or f"{known.get('host', 'localhost')}:{known.get('port', 6379)}"
