"""Which groups of figures `make bench ONLY=…` measures."""

from tests.benchmarks.bench import GROUPS, groups


def test_a_name_stands_for_a_group_for_all_that_begin_like_it_or_for_a_figure_of_one() -> None:
    assert list(groups("serving.parity")) == ["serving.parity"]
    assert list(groups("serving")) == [f"serving.{name}" for name in ("speed", "failed_answers", "fuzz", "parity")]
    assert list(groups("cycle.seconds")) == ["cycle"]
    assert groups(None) == GROUPS
    assert groups("speed") == {}
