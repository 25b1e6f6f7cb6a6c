"""Which classes a pickle holds: found in all that fields hold, and compared with those of the code."""

from dataclasses import dataclass, field, make_dataclass

import pytest

from infra.saved_classes import classes_of, misfit
from models.calibration import Repair
from models.fitted import Fitted


@dataclass
class Leaf:
    colour: str


@dataclass
class Twig:
    leaves: tuple[Leaf, ...]
    age: int = 1
    notes: dict[str, object] = field(default_factory=dict)


def test_classes_within_classes_tuples_and_dicts_are_found():
    twig = Twig((Leaf("red"),), notes={"repair": Repair()})
    assert classes_of([twig]) == {
        f"{__name__}:Twig": ["leaves", "age", "notes"],
        f"{__name__}:Leaf": ["colour"],
        "models.calibration:Repair": ["slope"],
    }


@pytest.mark.parametrize("value", [None, 3, "text", {"a": 1}, Leaf])
def test_what_is_no_dataclass_has_none(value):
    assert classes_of(value) == {}


def test_what_this_code_saves_it_reads():
    assert misfit(classes_of(Twig((Leaf("red"),)))) is None


def test_a_field_with_a_default_is_found_in_the_class_and_one_with_a_factory_is_not():
    assert misfit({f"{__name__}:Twig": ["leaves", "notes"]}) is None
    assert misfit({f"{__name__}:Twig": ["leaves", "age"]}) == f"{__name__}:Twig had no notes then"


def test_a_field_that_is_gone_does_no_harm():
    assert misfit({f"{__name__}:Leaf": ["colour", "weight"]}) is None


def test_a_class_that_is_gone_is_named():
    gone = make_dataclass("Gone", ["a"], namespace={"__module__": "models.fitted"})
    assert misfit(classes_of(gone(1))) == "models.fitted:Gone is no more"


def test_all_that_is_lacking_is_named():
    assert misfit({"models.fitted:Fitted": ["model"]}) == "models.fitted:Fitted had no features, notes, reference then"
    assert misfit(classes_of(Fitted("model", (), None))) is None
