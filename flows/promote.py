"""Promote: another version answers from now on, for everybody or, in an experiment, for a share of the customers.

A version that cannot be loaded is refused here: services would go on with the one before, and the ledger would lie.
"""

from flows.context import Door, now
from flows.versions import find
from infra import registry
from infra.errors import AimloopError
from infra.experiments import Experiment, Experiments
from infra.promotions import Change, Promotions
from models import catalog


def promote(door: Door, tag: str, because: str, instead_of: str | None = None) -> Change:
    """Make a version champion, if ``instead_of`` is still champion (default: whoever is as this begins).

    Raises:
        AimloopError: as `Promotions.promote`; the version cannot be loaded.
    """
    version = find(door, tag)
    seen = instead_of or door.ledger.champion(version.model)
    registry.load(version.tag)
    return Promotions(door.ledger).promote(version.tag, because, now(), door.audit, instead_of=seen)


def roll_back(door: Door, model: str, because: str, instead_of: str | None = None) -> Change:
    """Make the champion before the present one champion again, if ``instead_of`` is still champion.

    Raises:
        AimloopError: as `Promotions.roll_back`; the version before cannot be loaded.
    """
    promotions = Promotions(door.ledger)
    champion, before = promotions.way_back(model)
    try:
        registry.load(before)
    except AimloopError as error:
        remedy = (
            f"choose another yourself: `aimloop promote TAG --because …`; `aimloop models` lists them; {error.remedy}"
        )
        raise AimloopError(f"the champion before cannot come back: {error.what}", remedy) from error
    return promotions.roll_back(model, because, now(), door.audit, instead_of=instead_of or champion)


def start_experiment(door: Door, tag: str, share: float | None, because: str) -> Experiment:
    """A version beside the champion, for a share of the customers or (None) in the shadow.

    Raises:
        AimloopError: as `Experiments.start`; the version cannot be loaded; of a model that is tried in the shadow, a
            share was given.
    """
    version = find(door, tag)
    if share is not None:
        _refuse_share(version.model, "give --shadow instead of --share")
    registry.load(version.tag)
    return Experiments(door.ledger).start(version.model, version.tag, share, because, now(), door.audit)


def raise_share(door: Door, model: str, share: float, because: str | None) -> Experiment:
    """Give the challenger of the running experiment of a model more of the customers, also out of the shadow.

    Raises:
        AimloopError: as `Experiments.raise_share`; the model is one that is tried in the shadow.
    """
    _refuse_share(model, "leave it in the shadow; `aimloop experiments` says what follows")
    return Experiments(door.ledger).raise_share(model, share, now(), door.audit, reason=because)


def _refuse_share(model: str, remedy: str) -> None:
    entry = catalog.MODELS.get(model)
    if entry is not None and entry.tried == "in shadow":
        what = (
            f"{model} is tried in the shadow: both versions score every customer and their losses are compared; "
            "with a share no row has both, and nothing could be decided"
        )
        raise AimloopError(what, remedy)
