"""Export: a Bento with its models in a folder of its own, beside the Dockerfile that makes an image of it."""

import shutil
from pathlib import Path

from flows.context import PROJECT
from infra import registry
from infra.errors import AimloopError
from infra.state import State, explained_disk_errors

_BESIDE = ("Dockerfile", ".dockerignore")


def export(state: State, tag: str, folder: Path) -> None:
    """Write the folder: whole, or not at all.

    The models go without their samples of training rows: nobody can take an erased person's rows out of an image.
    BentoML's own export would leave those in, and copies of the models in the Bento that it exports.

    Raises:
        AimloopError: the folder is there already, a model version is lost, or the disk is full.
    """
    if folder.exists():
        raise AimloopError(f"{folder} is there already", "name a folder that is made new")
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        with explained_disk_errors(folder):
            bento = unfinished / "bento"
            shutil.copytree(state.bentoml / "bentos" / tag.replace(":", "/"), bento)
            for version in registry.packaged_champions(bento / "src").values():
                registry.copy_without_sample(version, bento / "models")
            for name in _BESIDE:
                shutil.copy(PROJECT / "infra" / "deploy" / name, unfinished / name)
            unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
