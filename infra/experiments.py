"""Experiments: a challenger beside the champion, and which share of the customers it answers.

Who gets it hangs on the company's own customer id and a salt that each experiment draws for itself: the same customer
gets the same version at every request, in every worker, after a restart and under a rotated pseudonym, and whom one
experiment gave the challenger says nothing about the next one.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from infra.audit import Audit
from infra.errors import AimloopError
from infra.ledger import Ledger
from infra.ledger_rows import ExperimentRow, ExperimentStepRow
from infra.promotions import find_version, refuse_erased
from infra.succession import Beside, champion_of, end_experiment, nothing, running_experiment

Variant = Literal["champion", "challenger"]


class Step(NamedTuple):
    """The share of the challenger from an instant on (naive UTC); 0 in the shadow."""

    share: float
    since: datetime


@dataclass(frozen=True)
class Experiment:
    """A challenger beside the champion of the time. In the shadow it is asked for everybody and answers nobody.

    Results are compared within each of ``steps``: who joined at a later one has been with the champion longer.
    """

    id: int
    model: str
    champion: str
    challenger: str
    salt: str
    share: float
    is_shadow: bool
    started_at: datetime
    reason: str
    ended_at: datetime | None
    end_reason: str | None
    steps: tuple[Step, ...]

    def variant(self, customer_id: str) -> tuple[Variant, float]:
        """Whose answer a customer gets, and how probable that was; costs one hash of a short text.

        A share that is raised leaves everybody with the challenger who had it.
        """
        if position(self.salt, customer_id) < self.share:
            return "challenger", self.share
        return "champion", 1.0 - self.share


def position(salt: str, customer_id: str) -> float:
    """Where in [0, 1) a customer lies: keyed BLAKE2b (RFC 7693), 53 bits of it, which a float holds exactly."""
    # a lone surrogate is no text, but JSON can bring one: it gets a place as well
    customer = customer_id.encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(customer, digest_size=8, key=salt.encode()).digest()
    return (int.from_bytes(digest, "big") >> 11) * 2.0**-53


class Experiments:
    """The experiments of one ledger; of a model one at a time runs. Each change has its entry in the audit trail."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def start(
        self,
        model: str,
        tag: str,
        share: float | None,
        reason: str,
        now: datetime,
        by: Audit,
        *,
        salt: str | None = None,
        beside: Beside = nothing,
    ) -> Experiment:
        """Let a version answer for a ``share`` of the customers, or for nobody yet (None: in the shadow).

        ``salt`` is drawn where none is given; ``beside`` writes in the same transaction, as with every change here.

        Raises:
            AimloopError: there is no such version, or it is another model's; it is the champion; an experiment of the
                model is running; it learned from someone erased, and the champion did not; the share is not between 0
                and 1.
        """
        if share is not None:
            _refuse_share(share)
        if not reason.strip():
            raise AimloopError("an experiment needs a reason", "say what it is to find out: --because TEXT")
        with self._ledger.transaction() as session:
            version = find_version(session, tag)
            champion = champion_of(session, model)
            if version.model != model or champion is None:
                raise AimloopError(
                    f"{tag} is a version of {version.model}, not of {model}", "`aimloop models` lists the others"
                )
            if champion == tag:
                raise AimloopError(f"{tag} is the champion itself", "`aimloop models` lists candidates")
            running = running_experiment(session, model)
            if running is not None:
                raise AimloopError(
                    f"experiment {running.id} of {model} is running, with {running.challenger}",
                    f"end it first: `aimloop experiments end {model} --because …`",
                )
            refuse_erased(session, tag, champion)
            row = ExperimentRow(
                model=model,
                champion=champion,
                challenger=tag,
                salt=salt or secrets.token_hex(16),
                share=share or 0.0,
                is_shadow=share is None,
                started_at=now,
                reason=reason,
            )
            session.add(row)
            session.flush()
            session.add(ExperimentStepRow(experiment_id=row.id, position=0, share=row.share, since=now))
            by.add(session, "experiment started", _facts(row) | {"because": reason} | dict(beside(session)), now)
            return _experiment(session, row)

    def raise_share(
        self,
        which: str | int,
        share: float,
        now: datetime,
        by: Audit,
        *,
        reason: str | None = None,
        beside: Beside = nothing,
    ) -> Experiment:
        """Let the challenger of a running experiment (its model, or its id) answer for more; out of the shadow too.

        Raises:
            AimloopError: none is running; the share is not above the present one: whoever had the challenger keeps
                it, so it cannot become less; the challenger learned from someone erased, and the champion did not.
        """
        _refuse_share(share)
        with self._ledger.transaction() as session:
            row = _running(session, which)
            if share <= row.share:
                raise AimloopError(
                    f"experiment {row.id} of {row.model} has a share of {row.share:g}, and a share is only ever raised",
                    "customers keep the version that they had; for less, end it and start another",
                )
            refuse_erased(session, row.challenger, row.champion)
            row.share, row.is_shadow = share, False
            count = select(func.count()).where(ExperimentStepRow.experiment_id == row.id)
            place = session.scalars(count).one()
            session.add(ExperimentStepRow(experiment_id=row.id, position=place, share=share, since=now))
            by.add(session, "experiment share", _facts(row) | {"because": reason} | dict(beside(session)), now)
            return _experiment(session, row)

    def end(self, which: str | int, reason: str, now: datetime, by: Audit, *, beside: Beside = nothing) -> Experiment:
        """End the running experiment of a model, or the one of an id: the champion answers for everybody.

        Raises:
            AimloopError: none is running.
        """
        if not reason.strip():
            raise AimloopError("the end of an experiment needs a reason", "say what was found: --because TEXT")
        with self._ledger.transaction() as session:
            row = _running(session, which)
            end_experiment(row, reason, now)
            by.add(session, "experiment ended", _facts(row) | {"because": reason} | dict(beside(session)), now)
            return _experiment(session, row)

    def running(self) -> dict[str, Experiment]:
        """By model."""
        return {experiment.model: experiment for experiment in self.all() if experiment.ended_at is None}

    def all(self) -> list[Experiment]:
        """The oldest first."""
        with Session(self._ledger.engine) as session:
            return [
                _experiment(session, row) for row in session.scalars(select(ExperimentRow).order_by(ExperimentRow.id))
            ]


def _refuse_share(share: float) -> None:
    if not 0 < share < 1:  # NaN is refused as well
        raise AimloopError(
            f"a share lies between 0 and 1, {share:g} does not",
            "0.1 is a tenth of the customers; nobody: --shadow; everybody: `aimloop promote TAG`",
        )


def _running(session: Session, which: str | int) -> ExperimentRow:
    found = session.get(ExperimentRow, which) if isinstance(which, int) else running_experiment(session, which)
    if found is None or found.ended_at is not None:
        named = f"experiment {which} is not running" if isinstance(which, int) else f"no experiment of '{which}' runs"
        raise AimloopError(named, "`aimloop experiments` lists them")
    return found


def _facts(row: ExperimentRow) -> dict[str, str | int | float | bool]:
    """What the audit trail keeps of an experiment."""
    return {
        "experiment": row.id,
        "model": row.model,
        "champion": row.champion,
        "challenger": row.challenger,
        "share": row.share,
        "shadow": row.is_shadow,
    }


def _experiment(session: Session, row: ExperimentRow) -> Experiment:
    steps = (
        select(ExperimentStepRow.share, ExperimentStepRow.since)
        .where(ExperimentStepRow.experiment_id == row.id)
        .order_by(ExperimentStepRow.position)
    )
    return Experiment(
        id=row.id,
        model=row.model,
        champion=row.champion,
        challenger=row.challenger,
        salt=row.salt,
        share=row.share,
        is_shadow=row.is_shadow,
        started_at=row.started_at,
        reason=row.reason,
        ended_at=row.ended_at,
        end_reason=row.end_reason,
        steps=tuple(Step(share, since) for share, since in session.execute(steps)),
    )
