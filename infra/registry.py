"""Trained versions in BentoML's model store: saved whole or not at all, found by tag.

A tag is ``<model>:<cycle id>``. Which version counts is not written here: the ledger decides.
Call ``State.set_homes`` first: BentoML reads its home when it is imported.
"""

import json
from collections.abc import Hashable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import pandas as pd

from infra.errors import AimloopError

CHAMPIONS_FILE = "champions.json"
_MODEL_FILE = "fitted.joblib"
_REFERENCE_FILE = "reference.parquet"


def tag_of(model: str, cycle_id: str) -> str:
    return f"{model}:{cycle_id}"


def save(tag: str, fitted: Any, reference: pd.DataFrame, metadata: dict[str, Any]) -> None:
    """Store a version with its metadata (metrics, data window, features, cycle) and its reference sample.

    A version of that tag that an interrupted run left behind is replaced.
    """
    import bentoml

    _delete(tag)
    with bentoml.models.create(tag, module="models", metadata=metadata) as entry:
        joblib.dump(fitted, Path(entry.path) / _MODEL_FILE, compress=1)
        reference.to_parquet(Path(entry.path) / _REFERENCE_FILE)


def load(tag: str) -> Any:
    """The fitted model of a version.

    Raises:
        AimloopError: the version is not in the store, or it cannot be read.
    """
    return load_folder(_folder(tag))


def load_folder(folder: Path) -> Any:
    """The fitted model of the version that lies in ``folder``.

    Raises:
        AimloopError: its file is missing or damaged.
    """
    try:
        return joblib.load(folder / _MODEL_FILE)
    except Exception as error:  # a damaged pickle may raise anything
        raise AimloopError(
            f"the model version in {folder} cannot be read: {error}", "run a cycle again to train a new version"
        ) from error


def reference(tag: str) -> pd.DataFrame:
    """The reference sample of a version: training rows, features only."""
    return pd.read_parquet(_folder(tag) / _REFERENCE_FILE)


def stored(home: Path) -> Iterator[tuple[str, Path]]:
    """Tag and folder of every version below BentoML's home, those inside packaged Bentos included."""
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
    fitted = load_folder(folder)
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


def metadata(tag: str) -> dict[str, Any]:
    """What was saved beside a version: metrics, data window, features, cycle."""
    return dict(_find(tag).info.metadata)


def write_champions(folder: Path, champions: dict[str, str]) -> None:
    """Note in a Bento which versions it was built with: its fallback where there is no ledger."""
    (folder / CHAMPIONS_FILE).write_text(json.dumps(champions, indent=2) + "\n", encoding="utf-8")


def packaged_champions(folder: Path) -> dict[str, str]:
    """Model name → tag, as the Bento whose code lies in ``folder`` was built; empty outside a Bento."""
    file = folder / CHAMPIONS_FILE
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}


def _folder(tag: str) -> Path:
    return Path(_find(tag).path)


def _find(tag: str) -> Any:
    import bentoml

    try:
        return bentoml.models.get(tag)
    except bentoml.exceptions.NotFound:
        raise AimloopError(
            f"model version {tag} is not in the model store",
            "put it back from a copy of the store, or start anew in another state folder",
        ) from None


def _delete(tag: str) -> None:
    import bentoml

    with suppress(bentoml.exceptions.NotFound):
        bentoml.models.delete(tag)
