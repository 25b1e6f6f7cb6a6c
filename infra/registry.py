"""Trained versions in BentoML's model store: saved whole or not at all, found by tag.

A tag is ``<model>:<cycle id>``. Which version counts is not written here: the ledger decides.
Call ``State.set_homes`` first: BentoML reads its home when it is imported.
"""

import io
import json
import shutil
from collections.abc import Hashable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import pandas as pd

from infra.errors import AimloopError
from infra.files import sync_tree
from infra.saved_classes import classes_of, misfit

CHAMPIONS_FILE = "champions.json"
_MODEL_FILE = "fitted.joblib"
_REFERENCE_FILE = "reference.parquet"
_CLASSES_FILE = "classes.json"
_UNFINISHED = "saving"  # below BentoML's home
_TRAIN_ANOTHER = "`aimloop run --full-refresh` trains another in its place"


def tag_of(model: str, cycle_id: str) -> str:
    return f"{model}:{cycle_id}"


def save(tag: str, fitted: Any, reference: pd.DataFrame, metadata: dict[str, Any]) -> None:
    """Store a version with its metadata (metrics, data window, features, cycle) and its reference sample.

    A version of that tag that is there already is replaced, file by file, once the new one lies whole on the same
    disk: where writing fails it stays as it was.
    """
    import bentoml
    from bentoml._internal.configuration.containers import BentoMLContainer

    store = BentoMLContainer.model_store.get()
    home = Path(BentoMLContainer.bentoml_home.get())
    unfinished = home / _UNFINISHED
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        # BentoML writes to the store it is given; its own would refuse a tag that it holds
        beside = type(store)(unfinished)
        with bentoml.models.create(tag, module="models", metadata=metadata, _model_store=beside) as entry:
            joblib.dump(fitted, Path(entry.path) / _MODEL_FILE, compress=1)
            reference.to_parquet(Path(entry.path) / _REFERENCE_FILE)
            (Path(entry.path) / _CLASSES_FILE).write_text(json.dumps(classes_of(fitted)), encoding="utf-8")
        _put_in_place(Path(beside.get(tag).path), home / "models" / tag.replace(":", "/"))
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _put_in_place(whole: Path, target: Path) -> None:
    sync_tree(whole)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        whole.rename(target)
        return
    for file in whole.iterdir():  # the same tag means the same data, settings and code, so that old and new files fit
        file.replace(target / file.name)


def load(tag: str) -> Any:
    """The fitted model of a version.

    Raises:
        AimloopError: the version is not in the store, or it cannot be read.
    """
    return load_folder(_folder(tag))


def load_folder(folder: Path) -> Any:
    """The fitted model of the version that lies in ``folder``.

    Raises:
        AimloopError: its file is missing or damaged, or other code wrote it.
    """
    try:
        classes = folder / _CLASSES_FILE
        other = misfit(json.loads(classes.read_text(encoding="utf-8"))) if classes.exists() else None
        if other is None:
            return joblib.load(folder / _MODEL_FILE)
    except Exception as error:  # a damaged pickle may raise anything
        reason = f"{type(error).__name__}: {error}".removesuffix(": ")
        raise AimloopError(f"the model version in {folder} cannot be read: {reason}", _TRAIN_ANOTHER) from error
    raise AimloopError(f"the model version in {folder} was saved by other code: {other}", _TRAIN_ANOTHER)


def modules_of(tag: str) -> set[str]:
    """Modules of ours whose classes a version's pickle holds.

    Raises:
        AimloopError: the version is not in the store.
    """
    classes = _folder(tag) / _CLASSES_FILE
    names = json.loads(classes.read_text(encoding="utf-8")) if classes.exists() else ()
    return {name.partition(":")[0] for name in names}


def copy_without_sample(tag: str, store: Path) -> None:
    """Put a version into another store, for services alone: without the training rows that travel with it.

    Raises:
        AimloopError: the version is not in the store, or it cannot be read.
    """
    folder = _folder(tag)
    target = store / tag.replace(":", "/")
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns(_REFERENCE_FILE, _MODEL_FILE))
    fitted = load_folder(folder)
    joblib.dump(replace(fitted, reference=fitted.reference.head(0)), target / _MODEL_FILE, compress=1)


def size_bytes(fitted: Any) -> int:
    """How large the file of a version is, or will be, in bytes, up to the next thousand.

    Pickled by another process the same model differs by some bytes: equal texts are one object there, and two here.
    """
    with io.BytesIO() as file:
        joblib.dump(fitted, file, compress=1)
        return -(-file.tell() // 1_000) * 1_000


def reference(tag: str) -> pd.DataFrame:
    """The reference sample of a version: training rows, features only."""
    return pd.read_parquet(_folder(tag) / _REFERENCE_FILE)


def stored(home: Path) -> Iterator[tuple[str, Path]]:
    """Tag and folder of every version below BentoML's home, those inside packaged Bentos included.

    What an interrupted ``save`` left is no version: it goes.
    """
    shutil.rmtree(home / _UNFINISHED, ignore_errors=True)
    for file in sorted(home.rglob(_REFERENCE_FILE)):
        yield f"{file.parent.parent.name}:{file.parent.name}", file.parent


def rewritten_without(folder: Path, rows: pd.DataFrame) -> Iterator[tuple[Path, Path, int]]:
    """Write a version's reference sample anew without the rows that equal one of ``rows``.

    The sample lies beside the fitted model and inside it; yields new file, old file and rows left out,
    for the caller to put in place.
    """
    sample = pd.read_parquet(folder / _REFERENCE_FILE)
    is_theirs = _row_digests(sample, sample).isin(set(_row_digests(rows, sample)))
    if not is_theirs.any():
        return
    left = sample[~is_theirs]
    fresh = {name: folder / f"{name}.fresh" for name in (_MODEL_FILE, _REFERENCE_FILE)}
    try:
        fitted = load_folder(folder)
    except AimloopError as error:
        raise AimloopError(
            f"{error.what}, and it holds rows of who is to be erased", f"remove {folder}, then run this again"
        ) from error
    joblib.dump(replace(fitted, reference=left), fresh[_MODEL_FILE], compress=1)
    left.to_parquet(fresh[_REFERENCE_FILE])
    # the sample beside the model last: as long as it holds the rows, a repeat finds them
    for name in (_MODEL_FILE, _REFERENCE_FILE):
        yield fresh[name], folder / name, int(is_theirs.sum())


def _row_digests(frame: pd.DataFrame, like: pd.DataFrame) -> pd.Series:
    """A digest a row over the columns of ``like``, the same whatever width and nullability numbers have."""
    plain: dict[Hashable, Any] = {}
    for name in like:
        column = frame[name] if name in frame else pd.Series(None, index=frame.index, dtype=object)
        if pd.api.types.is_numeric_dtype(like[name]):
            numbers = pd.to_numeric(column, errors="coerce").astype("Float64")
            plain[name] = numbers.to_numpy(dtype=float, na_value=float("nan")) + 0.0
        else:
            plain[name] = column.astype(object).where(column.notna(), "\0").astype(str).to_numpy()
    return pd.util.hash_pandas_object(pd.DataFrame(plain, index=frame.index), index=False)


def write_champions(folder: Path, champions: dict[str, str]) -> None:
    """Note in a Bento which versions it was built with: its fallback where there is no ledger."""
    (folder / CHAMPIONS_FILE).write_text(json.dumps(champions, indent=2) + "\n", encoding="utf-8")


def packaged_champions(folder: Path) -> dict[str, str]:
    """Model name → tag, as the Bento whose code lies in ``folder`` was built; empty outside a Bento."""
    file = folder / CHAMPIONS_FILE
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}


def _folder(tag: str) -> Path:
    """In the store that BentoML reads, or else in its home's: an exported Bento reads the one that it carries."""
    import bentoml
    from bentoml._internal.configuration.containers import BentoMLContainer

    at_home = type(BentoMLContainer.model_store.get())(Path(BentoMLContainer.bentoml_home.get()) / "models")
    for store in (BentoMLContainer.model_store.get(), at_home):
        try:
            found = store.get(tag)
        except bentoml.exceptions.BentoMLException:
            continue
        except Exception as error:  # its description may be damaged in any way
            reason = f"{type(error).__name__} in its model.yaml"
            raise AimloopError(f"model version {tag} cannot be read: {reason}", _TRAIN_ANOTHER) from error
        if str(found.tag) == tag:  # BentoML takes the beginning of a tag for the whole
            return Path(found.path)
    raise AimloopError(
        f"model version {tag} is not in the model store", f"put it back from a copy of the store; {_TRAIN_ANOTHER}"
    )
