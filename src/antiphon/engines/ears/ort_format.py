"""Models in ONNX Runtime's own format (``.ort``) that were exported without being optimized.

onnxruntime optimizes models in this format no further. Where an exporter left quantized weights as
they are, with the operators that unpack them, all weights are unpacked for every token: Moonshine
base then takes 160 ms for each. Loaded as ONNX, the same model has its weights unpacked once, and
takes 10.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from antiphon.engines.native.onnx import session_options
from antiphon.errors import EngineError, Stage

__all__ = ["as_onnx"]


def as_onnx(path: Path, stage: Stage) -> bytes:
    """Return a model in ORT format as a serialized ONNX model.

    Args:
        path: The ``.ort`` file.
        stage: Stage of the engine that loads it.

    Raises:
        EngineError: onnx or onnxruntime is not installed, or the file cannot be read.
    """
    options = session_options(threads=1, stage=stage)
    try:
        import onnx  # noqa: PLC0415 (an optional extra, loaded by name)
    except ImportError as error:
        message = "onnx is not installed; install antiphon[moonshine-base]"
        raise EngineError(message, stage=stage, code="not_installed") from error
    import onnxruntime  # noqa: PLC0415 (an optional extra, loaded by name)

    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.save_model_format", "ONNX")
    with TemporaryDirectory(prefix="antiphon-onnx-") as folder:
        saved = Path(folder) / "model.onnx"
        options.optimized_model_filepath = str(saved)
        try:
            onnxruntime.InferenceSession(
                str(path), sess_options=options, providers=["CPUExecutionProvider"]
            )
            model = onnx.load(saved)
        except Exception as error:  # the exceptions of neither have a common base
            message = f"onnxruntime cannot read {path}: {error}"
            raise EngineError(message, stage=stage, code="weights_unreadable") from error
    # The format forgets what the branches of conditions were called, and onnxruntime writes, but
    # does not read, ONNX with graphs that have no name.
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                attribute.g.name = attribute.name
    serialized: bytes = model.SerializeToString()
    return serialized
