"""One folder for libraries that want all files of a model in one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from antiphon.engines.base import EngineSettings
from antiphon.errors import EngineError, Stage

__all__ = ["model_folder"]


@contextmanager
def model_folder(settings: EngineSettings, stage: Stage) -> Iterator[Path]:
    """Yield a folder with all files of a model, for as long as the model takes to load.

    The operator's own folder is given as the file ``model``. Files of the catalogue are each kept
    in a folder of their own, so links to them are put together in a temporary one.

    Raises:
        EngineError: ``model`` is no folder, or there are no files.
    """
    if model := settings.files.get("model"):
        if not model.is_dir():
            message = f"{settings.name} needs a folder with all files of its model; {model} is none"
            raise EngineError(message, stage=stage, code="weights_missing")
        yield model
    elif settings.files:
        with TemporaryDirectory(prefix="antiphon-model-") as folder:
            for file in settings.files.values():
                Path(folder, file.name).symlink_to(file.absolute())
            yield Path(folder)
    else:
        message = f"{settings.name} runs the model of a folder; write the folder's path instead"
        raise EngineError(message, stage=stage, code="weights_missing")
