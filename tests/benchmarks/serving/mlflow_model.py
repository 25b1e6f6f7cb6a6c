"""The same model as MLflow keeps it (pyfunc): `python -m tests.benchmarks.serving.mlflow_model PREPARED TARGET`.

Runs in an environment of its own, where MLflow is installed beside our requirements.
"""

import json
import sys
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import pandas as pd
from mlflow.models import infer_signature

from infra import registry
from models import ctr


class ClickProbability(mlflow.pyfunc.PythonModel):
    """A frame of features in, a probability a row out."""

    def load_context(self, context: Any) -> None:
        contents = json.loads(Path(context.artifacts["contents"]).read_text(encoding="utf-8"))
        self.score = ctr.scorer(registry.load_folder(Path(contents["version"])), tuple(contents["columns"]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> list[float]:
        return list(self.score(list(model_input.itertuples(index=False, name=None))).values["click_probability"])


def main(prepared: Path, target: Path) -> None:
    from tests.benchmarks.serving.mlflow_model import ClickProbability as Importable  # not __main__'s, for its pickle

    columns = json.loads((prepared / "contents.json").read_text(encoding="utf-8"))["columns"]
    rows = [json.loads(line)["rows"][0] for line in (prepared / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    mlflow.pyfunc.save_model(
        str(target),
        python_model=Importable(),
        artifacts={"contents": str(prepared / "contents.json")},
        signature=infer_signature(pd.DataFrame(rows, columns=columns), [0.5]),
        pip_requirements=[],
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
