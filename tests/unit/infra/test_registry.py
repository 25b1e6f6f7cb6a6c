"""The registry on a real model store: saved whole or not at all, found by tag."""

import errno
import json
import os
import pickle
import shutil
from pathlib import Path
from tempfile import gettempdir
from uuid import uuid4

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from infra import registry
from infra.errors import AimloopError
from models.fitted import Fitted

REFERENCE = pd.DataFrame({"orders": [1, 2, 3], "spend": [0.1, np.nan, 1e-300], "region": ["north", None, "süd"]})
METADATA = {"origin": "2017-12-04T00:00:00", "auc": 0.75, "features": ["orders", "spend"], "window": {"days": 56}}


@pytest.fixture(scope="module", autouse=True)
def store() -> None:
    """BentoML reads its home when it is imported: one for the whole session, never the user's own."""
    assert Path(os.environ["BENTOML_HOME"]).is_relative_to(gettempdir())


@pytest.fixture
def tag() -> str:
    return registry.tag_of("churn", f"20171204t000000-{uuid4().hex[:8]}")


def metadata(tag: str) -> dict:
    """As BentoML shows them."""
    import bentoml

    return dict(bentoml.models.get(tag).info.metadata)


def folder_of(tag: str) -> Path:
    import bentoml

    return Path(bentoml.models.get(tag).path)


def test_a_tag_is_the_model_and_the_cycle() -> None:
    assert registry.tag_of("churn", "20171204t000000-0a1b2c3d") == "churn:20171204t000000-0a1b2c3d"


def test_a_fitted_model_comes_back_as_it_was(tag: str) -> None:
    fitted = LinearRegression().fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])

    registry.save(tag, fitted, REFERENCE, METADATA)

    assert registry.load(tag).predict([[10.0]]).tolist() == fitted.predict([[10.0]]).tolist()


def test_the_reference_sample_comes_back_as_it_was(tag: str) -> None:
    registry.save(tag, {"any": "object"}, REFERENCE, METADATA)

    pd.testing.assert_frame_equal(registry.reference(tag), REFERENCE)


def test_metadata_come_back_as_they_were(tag: str) -> None:
    registry.save(tag, {"any": "object"}, REFERENCE, METADATA)

    assert metadata(tag) == METADATA


def test_saving_replaces_what_an_interrupted_run_left(tag: str) -> None:
    registry.save(tag, {"from": "the interrupted run"}, REFERENCE, METADATA)
    registry.save(tag, {"from": "the second run"}, REFERENCE.head(1), {"auc": 0.9})

    assert registry.load(tag) == {"from": "the second run"}
    assert len(registry.reference(tag)) == 1
    assert metadata(tag) == {"auc": 0.9}


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("where", ["infra.registry.joblib.dump", "pandas.DataFrame.to_parquet", "shutil.copytree"])
def test_a_full_disk_leaves_the_version_that_was_there(tag: str, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    registry.save(tag, {"is": "the champion"}, REFERENCE, METADATA)
    monkeypatch.setattr(where, full_disk)

    with pytest.raises(OSError, match="No space left"):
        registry.save(tag, {"is": "half written"}, REFERENCE, {"auc": 0.9})

    monkeypatch.undo()
    assert registry.load(tag) == {"is": "the champion"}
    assert metadata(tag) == METADATA
    home = folder_of(tag).parents[2]
    assert not (home / "saving").exists()
    assert [found for found, _ in registry.stored(home)].count(tag) == 1


def test_what_an_interrupted_save_left_is_no_version_and_goes(tmp_path: Path) -> None:
    for where in ("models", "saving"):
        (tmp_path / where / "churn" / "g1").mkdir(parents=True)
        REFERENCE.to_parquet(tmp_path / where / "churn" / "g1" / "reference.parquet")

    assert list(registry.stored(tmp_path)) == [("churn:g1", tmp_path / "models" / "churn" / "g1")]
    assert not (tmp_path / "saving").exists()


def test_half_a_version_is_made_whole(tag: str) -> None:
    """As an interrupted copy leaves it: without BentoML's own file."""
    registry.save(tag, {"is": "half"}, REFERENCE, METADATA)
    half = folder_of(tag)
    (half / "model.yaml").unlink()
    (half / "fitted.joblib").write_bytes(b"")

    registry.save(tag, {"is": "whole"}, REFERENCE, METADATA)

    assert registry.load(tag) == {"is": "whole"}


def test_the_beginning_of_a_tag_is_another_tag(tag: str) -> None:
    registry.save(tag + "b", {"any": "object"}, REFERENCE, METADATA)

    with pytest.raises(AimloopError, match="is not in the model store"):
        registry.load(tag)


@pytest.mark.parametrize(
    ("then", "why"),
    [
        ({"models.fitted:Fitted": ["model", "features", "notes"]}, "models.fitted:Fitted had no reference then"),
        ({"models.fitted:Fitting": []}, "models.fitted:Fitting is no more"),
        ({"models.fitting:Fitted": []}, "models.fitting:Fitted is no more"),
    ],
)
def test_a_version_of_other_code_is_refused_by_the_class_that_changed(tag: str, then: dict, why: str) -> None:
    registry.save(tag, Fitted("a model", ("orders",), REFERENCE), REFERENCE, METADATA)
    folder = folder_of(tag)
    assert registry.load(tag).model == "a model"

    (folder / "classes.json").write_text(json.dumps(then))

    with pytest.raises(AimloopError) as caught:
        registry.load(tag)
    assert caught.value.what == f"the model version in {folder} was saved by other code: {why}"
    assert caught.value.remedy == "`aimloop run --full-refresh` trains another in its place"


def test_a_version_that_does_not_say_which_classes_it_holds_is_read_all_the_same(tag: str) -> None:
    registry.save(tag, {"any": "object"}, REFERENCE, METADATA)
    (folder_of(tag) / "classes.json").unlink()

    assert registry.load(tag) == {"any": "object"}


def test_two_versions_stand_side_by_side(tag: str) -> None:
    registry.save(tag, {"version": 1}, REFERENCE, METADATA)
    registry.save(tag + "b", {"version": 2}, REFERENCE, METADATA)

    assert (registry.load(tag), registry.load(tag + "b")) == ({"version": 1}, {"version": 2})


def test_a_version_that_cannot_be_saved_whole_is_not_saved(tag: str) -> None:
    with pytest.raises(Exception, match="pickle"):
        registry.save(tag, lambda: "cannot be pickled", REFERENCE, METADATA)

    with pytest.raises(AimloopError, match="is not in the model store"):
        registry.load(tag)


@pytest.mark.parametrize("read", [registry.load, registry.reference])
def test_an_unknown_version_is_refused_with_what_to_do(read, tag: str) -> None:
    with pytest.raises(AimloopError) as caught:
        read(tag)

    assert caught.value.what == f"model version {tag} is not in the model store"
    assert "copy of the store" in caught.value.remedy


@pytest.mark.parametrize("damage", [b"", b"not a model"])
def test_a_damaged_model_is_refused_with_what_to_do(tag: str, damage: bytes) -> None:
    import bentoml

    registry.save(tag, {"any": "object"}, REFERENCE, METADATA)
    folder = Path(bentoml.models.get(tag).path)
    (folder / "fitted.joblib").write_bytes(damage)

    for load in (lambda: registry.load(tag), lambda: registry.load_folder(folder)):
        with pytest.raises(AimloopError, match=f"the model version in {folder} cannot be read"):
            load()


def test_a_model_is_found_in_the_folder_it_was_copied_to(tag: str, tmp_path: Path) -> None:
    import bentoml

    registry.save(tag, {"any": "object"}, REFERENCE, METADATA)
    shutil.copytree(bentoml.models.get(tag).path, tmp_path / "copy")

    assert registry.load_folder(tmp_path / "copy") == {"any": "object"}


def test_an_exported_bento_finds_what_it_does_not_carry_at_home(tag: str, tmp_path: Path) -> None:
    """BentoML then reads the models inside the Bento alone; versions promoted later lie in the state folder."""
    from bentoml._internal.configuration.containers import BentoMLContainer

    registry.save(tag, {"any": "object"}, REFERENCE, METADATA)
    carried = type(BentoMLContainer.model_store.get())(tmp_path)

    with BentoMLContainer.model_store.patch(carried):
        assert registry.load(tag) == {"any": "object"}


def test_a_copy_for_services_has_no_training_rows(tag: str, tmp_path: Path) -> None:
    fitted = Fitted({"any": "object"}, ("orders",), REFERENCE)
    registry.save(tag, fitted, REFERENCE, METADATA)

    registry.copy_without_sample(tag, tmp_path)

    folder = tmp_path / tag.replace(":", "/")
    assert not (folder / "reference.parquet").exists()
    copy = registry.load_folder(folder)
    assert (copy.model, len(copy.reference), len(REFERENCE) > 0) == (fitted.model, 0, True)
    assert registry.modules_of(tag) == {"models.fitted"}


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AimloopError, match="cannot be read"):
        registry.load_folder(tmp_path)


def test_a_bento_remembers_the_champions_it_was_built_with(tmp_path: Path) -> None:
    champions = {"churn": "churn:c1", "ctr": "ctr:c2"}

    registry.write_champions(tmp_path, champions)

    assert registry.packaged_champions(tmp_path) == champions


def test_outside_a_bento_there_are_no_packaged_champions(tmp_path: Path) -> None:
    assert registry.packaged_champions(tmp_path) == {}


def test_the_same_model_is_as_large_in_every_process() -> None:
    """One text twice, or two equal texts: their pickles differ by some bytes."""
    twice = "a feature's name"
    once_more = "".join([*twice])
    one, other = [twice, twice], [twice, once_more]
    assert one == other
    assert len(pickle.dumps(one)) != len(pickle.dumps(other))
    assert registry.size_bytes(one) == registry.size_bytes(other) == 1_000
