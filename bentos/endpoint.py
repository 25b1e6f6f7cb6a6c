"""What an endpoint is: where it is asked, by whom, with what, and who answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

if TYPE_CHECKING:  # this file is read where no service answers, too
    from bentos.live import Live
    from bentos.routing import MakeScorer
    from infra.api_keys import Role


@dataclass(frozen=True)
class Refusal(Exception):
    """What a caller is told instead of an answer, and what to do next."""

    status: int
    error: str
    remedy: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A request: its id, the id of the key it came with, when it came (`time.perf_counter`)."""

    request_id: str
    application: str
    began: float


def _never(_: Any) -> bool:
    return False


@dataclass(frozen=True)
class Endpoint:
    """``handle`` gets what a worker holds, the validated request (None for GET) and who asked; it returns the answer as
    values that JSON knows, or raises a `Refusal`. ``is_quick`` tells of a request that it takes less than a few
    milliseconds: it is answered at once, others in a thread beside.

    ``waits_for_disk`` sends it to threads of their own, so that a disk that is slow holds up nobody else.

    ``request`` and ``answer`` say the shapes, ``models`` of which versions are held for it, and how their scorers are
    made.
    """

    method: str
    path: str
    role: "Role"
    answer: TypeAdapter[Any]
    handle: Callable[["Live", Any, Asked], Mapping[str, Any]]
    request: TypeAdapter[Any] | None = None
    examples: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    models: Mapping[str, "MakeScorer"] = field(default_factory=dict)
    is_quick: Callable[[Any], bool] = _never
    waits_for_disk: bool = False

    @property
    def summary(self) -> str:
        """The first sentence of the handler's docstring."""
        return (self.handle.__doc__ or "").strip().split("\n", 1)[0]
