"""What importing a module brings along, found without importing it."""

from importlib.metadata import version
from pathlib import Path

import pytest

from flows.import_closure import closure, pinned

PROJECT = {
    "bentos/__init__.py": "",
    "bentos/churn.py": "from infra.store import open_store\nfrom models import churn\nimport bentoml\n",
    "bentos/page.py": "import starlette\n",
    "infra/__init__.py": "",
    "infra/store.py": "import json\n\ndef open_store():\n    from infra import redis_store\n",
    "infra/redis_store.py": "import redis\n",
    "models/__init__.py": "",
    "models/churn.py": "import numpy as np\n\ndef train():\n    import lifelines\n    from models import tuning\n",
    "models/tuning.py": "import optuna\n",
    "models/card/page.jinja": "",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_what_is_imported_comes_along_and_nothing_else(project: Path) -> None:
    found = closure(project, ["bentos.churn"])
    assert set(found.modules) == {
        *("bentos", "bentos.churn", "infra", "infra.store", "infra.redis_store", "models", "models.churn")
    }
    assert found.modules["infra"] == Path("infra/__init__.py")
    assert found.others == {"bentoml", "numpy", "redis"}  # neither the standard library nor what training imports


def test_further_modules_may_be_asked_for(project: Path) -> None:
    assert "models.tuning" in closure(project, ["bentos.churn", "models.tuning"]).modules


def test_a_module_that_is_not_there(project: Path) -> None:
    with pytest.raises(ImportError, match="clicks"):
        closure(project, ["bentos.clicks"])


def test_pins_are_what_is_installed_with_all_that_it_requires() -> None:
    pins = pinned(["sklearn", "not_installed"], ["pyarrow"])
    assert f"scikit-learn=={version('scikit-learn')}" in pins
    names = [pin.partition("==")[0] for pin in pins]
    assert {"joblib", "numpy", "pyarrow", "scipy", "threadpoolctl"} <= set(names)
    assert names == sorted(names)
    assert not {"pytest", "matplotlib"} & set(names)  # extras that nobody asked for
