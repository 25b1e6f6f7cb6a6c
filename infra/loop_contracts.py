"""The contracts of evidence: what experiments and versions in use are judged by."""

from infra.contracts import Contract, Flag, Whole, optional, required


class ArmOutcomes(Contract):
    """One metric of an experiment: a row for each customer, step of the ramp and variant the customer had in it.

    The metric is ``sum(reward) / sum(units)`` over customers: clicks per impression, conversions or revenue per
    customer (units 1). ``before_…`` are the same of the stretch before the experiment, empty where there is none.
    """

    pseudonym: str = required()
    step: Whole = required(ge=0)
    variant: str = required(isin=["champion", "challenger"])
    units: float = required(ge=0)
    reward: float = required()
    before_units: float = optional(ge=0)
    before_reward: float = optional()

    class Config:
        metadata = {"key": ["pseudonym", "step", "variant"]}


class PairedLosses(Contract):
    """Rows that champion and challenger both scored and whose outcome is known; a smaller loss is better."""

    pseudonym: str = required()
    weight: float = required(gt=0)
    champion_loss: float = required()
    challenger_loss: float = required()


class PairedPredictions(Contract):
    """Rows whose outcome is known, with what champion and candidate said of them; further columns are attributes."""

    pseudonym: str = required()
    weight: float = required(gt=0)
    actual: float = required()
    champion: float = required()
    candidate: float = required()


class LabelledPredictions(Contract):
    """What a version said and what came of it: 0 or 1 of a probability, else an amount.

    ``weight`` is how many rows of the unsampled world one stands for, ``part`` the slice it belongs to.
    """

    pseudonym: str = required()
    actual: float = required()
    predicted: float = required()
    weight: float = required(gt=0)
    part: str = optional()


class FirstChoices(Contract):
    """Requests in which chance chose what was shown: of what was shown and of what each version ranks first.

    ``propensity`` is the chance of what was shown, ``clicked`` whether it was (0 or 1). ``expected…`` is what the
    champion says of it: of what was shown, of its own first choice, and of the challenger's.
    """

    pseudonym: str = required()
    propensity: float = required(gt=0, le=1)
    clicked: float = required(isin=[0, 1])
    is_champions: Flag = required()
    is_challengers: Flag = required()
    expected: float = required()
    expected_of_champions: float = required()
    expected_of_challengers: float = required()
