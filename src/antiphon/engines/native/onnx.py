"""How models are run by onnxruntime: on few threads that sleep while there is nothing to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from antiphon.errors import EngineError, Stage

__all__ = ["open_session", "session_options"]


def session_options(*, threads: int, stage: Stage) -> Any:  # noqa: ANN401 (untyped library)
    """How a model is to be run; the result is an ``onnxruntime.SessionOptions``.

    Threads do not spin while they wait, which onnxruntime does by default: in a server that runs
    several models, spinning threads take the cores from the model whose turn it is.

    Args:
        threads: Threads that share one operator; 1 computes on the calling thread.
        stage: Stage of the engine that loads the model.

    Raises:
        EngineError: onnxruntime is not installed.
    """
    try:
        import onnxruntime  # noqa: PLC0415 (an optional extra, loaded by name)
    except ImportError as error:
        message = "onnxruntime is not installed; install antiphon[local]"
        raise EngineError(message, stage=stage, code="not_installed") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors; its warnings speak of graph optimizations
    return options


def open_session(path: Path, *, threads: int, stage: Stage, content: bytes | None = None) -> Any:  # noqa: ANN401 (untyped library)
    """Load a model for the CPU; the result is an ``onnxruntime.InferenceSession``.

    Args:
        path: An ``.onnx`` or ``.ort`` file.
        threads: As for :func:`session_options`.
        stage: Stage of the engine that loads it.
        content: What to load in place of the whole file: a part of it, or another form.

    Raises:
        EngineError: onnxruntime is not installed, or cannot read the file.
    """
    options = session_options(threads=threads, stage=stage)
    import onnxruntime  # noqa: PLC0415 (an optional extra, loaded by name)

    try:
        return onnxruntime.InferenceSession(
            content or str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's exceptions have no common base
        message = f"onnxruntime cannot read {path}: {error}"
        raise EngineError(message, stage=stage, code="weights_unreadable") from error
