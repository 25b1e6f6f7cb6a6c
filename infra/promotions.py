"""Changes of champion by people and by judges: promote a version, or go back to the champion before.

Each is one transaction with its audit entry; the running experiment of the model ends in it too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from infra.audit import Audit
from infra.errors import AimloopError, did_you_mean
from infra.ledger import Ledger
from infra.ledger_rows import ChampionRow, RollbackRow, VersionRow
from infra.succession import Beside, champion_of, crown, erased_teachers, nothing, running_experiment


@dataclass(frozen=True)
class Change:
    """Who is champion of a model now, who was, and the experiment that ended with that."""

    model: str
    champion: str
    instead_of: str | None
    ended_experiment: int | None


@dataclass(frozen=True)
class Reign:
    """A champion, since when and why; ``came_by_rollback``: the version that was rolled back from, if one was."""

    tag: str
    since: datetime
    reason: str
    came_by_rollback: str | None


class Promotions:
    """Who becomes champion of the models of one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def promote(
        self,
        tag: str,
        reason: str,
        now: datetime,
        by: Audit,
        *,
        instead_of: str | None = None,
        beside: Beside = nothing,
    ) -> Change:
        """Make a version champion. ``instead_of`` is the champion that whoever decided this has seen; ``beside``
        writes in the same transaction.

        Raises:
            AimloopError: there is no such version; it is champion already; another than ``instead_of`` is; it learned
                from someone who has been erased since, and the champion did not.
        """
        with self._ledger.transaction() as session:
            version = find_version(session, tag)
            _refuse_surprise(session, version.model, instead_of)
            if champion_of(session, version.model) == tag:
                raise AimloopError(f"{tag} is champion of {version.model} already", "`aimloop models` lists the others")
            return _change(session, version.model, tag, reason, now, by, "promote", beside)[0]

    def reigns(self, model: str) -> list[Reign]:
        """Who has been champion of a model, the first one first."""
        with Session(self._ledger.engine) as session:
            left = {row.champion_id: row.left for row in session.scalars(select(RollbackRow))}
            rows = session.scalars(select(ChampionRow).where(ChampionRow.model == model).order_by(ChampionRow.id))
            return [Reign(row.tag, row.since, row.reason, left.get(row.id)) for row in rows]

    def way_back(self, model: str) -> tuple[str, str]:
        """The champion, and the version that a rollback makes champion.

        That is the newest earlier champion that was not rolled back from: two rollbacks in a row go back two
        versions, never forth again. A version that was rolled back from counts again once it is promoted again.

        Raises:
            AimloopError: the model has no champion, or there is none before it.
        """
        with Session(self._ledger.engine) as session:
            return _way_back(session, model)

    def roll_back(
        self,
        model: str,
        reason: str,
        now: datetime,
        by: Audit,
        *,
        instead_of: str | None = None,
        beside: Beside = nothing,
    ) -> Change:
        """Make the champion before the present one champion again (`way_back`).

        Raises:
            AimloopError: as `way_back`; another than ``instead_of`` is champion; the one before learned from someone
                who has been erased since, and the champion did not.
        """
        with self._ledger.transaction() as session:
            _refuse_surprise(session, model, instead_of)
            champion, before = _way_back(session, model)
            change, row = _change(session, model, before, reason, now, by, "rollback", beside)
            session.add(RollbackRow(champion_id=row.id, left=champion))
            return change


def find_version(session: Session, tag: str) -> VersionRow:
    """Raises AimloopError where the ledger knows no such version."""
    version = session.get(VersionRow, tag)
    if version is None:
        hint = did_you_mean(tag, session.scalars(select(VersionRow.tag)))
        raise AimloopError(f"no version '{tag}' in the ledger", f"{hint}`aimloop models` lists all")
    return version


def refuse_erased(session: Session, tag: str, champion: str | None) -> None:
    """Versions that learned from people erased since must not come (back) to customers.

    Whom the champion learned from too is no reason: then nothing becomes worse, and the next run replaces both.

    Raises:
        AimloopError: the version learned from someone erased from whom the champion did not learn.
    """
    worse = erased_teachers(session, tag) - (erased_teachers(session, champion) if champion else set())
    if worse:
        raise AimloopError(
            f"{tag} learned from {len(worse)} since erased, from whom the champion {champion} did not learn",
            "take a version that was trained after the erasure: `aimloop models` lists them, `aimloop run` trains one",
        )


def _refuse_surprise(session: Session, model: str, seen: str | None) -> None:
    """Where two decide at once, the second decided about a champion that is no more."""
    newest = select(ChampionRow).where(ChampionRow.model == model).order_by(ChampionRow.id.desc()).limit(1)
    row = session.scalars(newest).first()
    if seen is not None and row is not None and row.tag != seen:
        raise AimloopError(
            f"the champion of {model} is not {seen} any more: {row.tag} is, since {row.since:%Y-%m-%d %H:%M:%S} UTC "
            f"({row.reason})",
            "look at it (`aimloop models`) and decide again",
        )


def _change(
    session: Session, model: str, tag: str, reason: str, now: datetime, by: Audit, action: str, beside: Beside
) -> tuple[Change, ChampionRow]:
    if not reason.strip():
        raise AimloopError("a change of champion needs a reason", "say why, for whoever asks in a year: --because TEXT")
    champion, experiment = champion_of(session, model), running_experiment(session, model)
    refuse_erased(session, tag, champion)
    row = crown(session, model, tag, reason, now)
    change = Change(model, tag, champion, experiment.id if experiment else None)
    details = {"model": model, "champion": tag, "instead_of": champion, "because": reason}
    by.add(session, action, details | {"ended_experiment": change.ended_experiment} | dict(beside(session)), now)
    return change, row


def _way_back(session: Session, model: str) -> tuple[str, str]:
    rows = session.scalars(select(ChampionRow).where(ChampionRow.model == model).order_by(ChampionRow.id)).all()
    if not rows:
        hint = did_you_mean(model, session.scalars(select(ChampionRow.model).distinct()))
        raise AimloopError(f"there is no champion of '{model}'", f"{hint}`aimloop models` lists all")
    left = {row.champion_id: row.left for row in session.scalars(select(RollbackRow))}
    before = earlier_champions((row.tag, left.get(row.id)) for row in rows)
    if not before:
        raise AimloopError(
            f"there is no champion of {model} before {rows[-1].tag} to go back to",
            "`aimloop models` lists all versions; `aimloop promote TAG --because …` makes one champion",
        )
    return rows[-1].tag, before[-1]


def earlier_champions(champions: Iterable[tuple[str, str | None]]) -> list[str]:
    """Champions that rollbacks lead back to, the next one last.

    ``champions``: the tag of each in turn, and for one that came by a rollback the tag that was rolled back from.
    """
    way: list[str] = []
    for tag, left in champions:
        way = [other for other in way if other not in (tag, left)] + [tag]
    return way[:-1]
