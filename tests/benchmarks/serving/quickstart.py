"""The same model served as BentoML's quickstart writes a service: a class, a model, a typed method, defaults."""

import json
import os
from pathlib import Path

import bentoml

from infra import registry
from models import ctr


@bentoml.service
class Quickstart:
    def __init__(self) -> None:
        contents = json.loads((Path(os.environ["BENCH_PREPARED"]) / "contents.json").read_text(encoding="utf-8"))
        self.score = ctr.scorer(registry.load_folder(Path(contents["version"])), tuple(contents["columns"]))

    @bentoml.api
    def click_probability(self, rows: list[list[float | str | None]]) -> list[float]:
        """One probability a row of features."""
        return list(self.score([tuple(row) for row in rows]).values["click_probability"])
