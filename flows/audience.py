"""Audience: from scores back to the company's own customers, consent applied, counted and put on record."""

import hashlib
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flows.context import Door, now
from infra import warehouse
from infra.audiences import ADDRESS, Audiences, Choice, Condition, Selection, contact_columns
from infra.errors import AimloopError
from infra.private_files import encoded, refuse_overwriting, written
from infra.warehouse import Generation

KINDS = ("csv", "parquet")


@dataclass(frozen=True)
class Request:
    """Whom to choose, over which channel, and with contact details or without."""

    where: str
    channel: str | None = None
    contact: bool = False
    limit: int | None = None
    order_by: str | None = None

    def condition(self) -> Condition:
        contact = contact_columns(self.channel) if self.contact else ()
        return Condition(self.where, self.order_by, self.limit, ADDRESS.get(self.channel or ""), contact)


def choices(door: Door) -> tuple[Generation, list[Choice]]:
    """What customers may be chosen by."""
    generation = _published(door)
    with _audiences(door, generation) as audiences:
        return generation, audiences.choices()


def preview(door: Door, request: Request) -> dict[str, Any]:
    """The counts that an audience would have; nobody is named, nothing is written."""
    generation, selection = _select(door, request)
    return _summary(generation, request, selection)


def write(door: Door, request: Request, out: Path, *, replace: bool) -> dict[str, Any]:
    """Write an audience to a file; the audit trail knows of it before the file is there.

    Raises:
        AimloopError: the role may not see contact details, the file is there already, the condition is no condition.
    """
    kind = out.suffix.lower().removeprefix(".")
    if kind not in KINDS:
        raise AimloopError(f"{out} is no name of a list", f"end it in .{' or .'.join(KINDS)}, or print with --out -")
    refuse_overwriting(out, replace=replace)
    generation, selection, content = _content(door, request, kind)
    with written(out, content, replace=replace):
        summary = _recorded(door, generation, request, selection, content, kind)
    return summary | {"file": str(out)}


def printed(door: Door, request: Request) -> tuple[str, dict[str, Any]]:
    """The same as CSV for standard output, and its summary."""
    generation, selection, content = _content(door, request, "csv")
    return content.decode(), _recorded(door, generation, request, selection, content, "csv, printed")


def _content(door: Door, request: Request, kind: str) -> tuple[Generation, Selection, bytes]:
    settings = door.settings
    if request.contact and settings.role not in settings.privacy.contact_roles:
        details = {"reason": "role", "where": without_details(request.where), "channel": request.channel}
        door.audit.record("audience refused", details, now())
        roles = ", ".join(settings.privacy.contact_roles) or "nobody"
        raise AimloopError(
            f"the role '{settings.role}' may not be given contact details",
            f"leave out --contact; privacy.contact_roles allows them to: {roles} (AIMLOOP_ROLE names yours)",
        )
    generation, selection = _select(door, request)
    return generation, selection, encoded(selection.rows, kind)


def _select(door: Door, request: Request) -> tuple[Generation, Selection]:
    generation = _published(door)
    with _audiences(door, generation) as audiences:
        return generation, audiences.select(request.condition())


def _recorded(
    door: Door, generation: Generation, request: Request, selection: Selection, content: bytes, kind: str
) -> dict[str, Any]:
    """The summary, once the audit trail holds it."""
    summary = _summary(generation, request, selection) | {"sha256": hashlib.sha256(content).hexdigest()}
    said = {"where": without_details(request.where), "order_by": without_details(request.order_by or "") or None}
    door.audit.record("audience", summary | said | {"kind": kind}, now())
    return summary


def _summary(generation: Generation, request: Request, selection: Selection) -> dict[str, Any]:
    counts = {name: value for name, value in asdict(selection).items() if isinstance(value, int)}
    as_of = generation.query("SELECT as_of FROM cycle")["as_of"].iloc[0]
    return {
        "cycle": generation.name,
        "as_of": as_of.isoformat(),
        **asdict(request),
        **counts,
        "chosen": selection.chosen,
    }


def without_details(text: str) -> str:
    """A condition without what might be an e-mail address or a long number of somebody."""
    return re.sub(r"[^\s']*@[^\s']*|(?<![\w.-])(?!\d{4}-\d\d-\d\d)\+?\d[\d ()/-]{5,}\d", "***", text)


def _audiences(door: Door, generation: Generation) -> Any:
    silence = door.settings.privacy.unanswered_consent == "granted"
    return Audiences.open(door.state, door.keys, generation, silence_is_consent=silence)


def _published(door: Door) -> Generation:
    generation = warehouse.published(door.state)
    if generation is None or not generation.path.exists():
        raise AimloopError(f"no cycle has been published in {door.state.root}", "run one: `aimloop run`")
    return generation
