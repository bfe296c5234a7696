"""Takes a part out of an ONNX model, to run it by itself."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from antiphon.errors import EngineError, Stage

__all__ = ["Shape", "part_of", "read_model"]

Shape = tuple[int | None, ...]
"""Size of each dimension; ``None`` where it varies."""


def read_model(path: Path, stage: Stage) -> Any:  # noqa: ANN401 (a library that need not be installed)
    """Read a model, an ``onnx.ModelProto``.

    Raises:
        EngineError: The package onnx is not installed, or the file is not a model.
    """
    try:
        onnx = importlib.import_module("onnx")
    except ImportError as error:
        message = "onnx is not installed; install antiphon[kokoro]"
        raise EngineError(message, stage=stage, code="not_installed") from error
    try:
        return onnx.load(path)
    except Exception as error:  # protobuf's exceptions, of which there are several kinds
        message = f"{path} is not an ONNX model: {error}"
        raise EngineError(message, stage=stage, code="weights_unreadable") from error


def part_of(
    model: Any,  # noqa: ANN401 (a library that need not be installed)
    inputs: Sequence[str],
    outputs: Sequence[str],
    cuts: Mapping[str, Shape],
) -> bytes:
    """Return the part of a model that computes ``outputs`` from ``inputs``, as a model of its own.

    Args:
        model: An ``onnx.ModelProto``.
        inputs: Values that the part is given: the model's own inputs, or cuts.
        outputs: Values that it returns: the model's own outputs, or cuts.
        cuts: Shape of each value, all of them float32, at which the model is cut.

    Raises:
        LookupError: The model has no such value.
    """
    onnx = importlib.import_module("onnx")
    graph = model.graph
    makers = {name: node for node in graph.node for name in node.output}
    ends = {value.name: value for value in (*graph.input, *graph.output)}
    for name, shape in cuts.items():
        if name not in makers:
            message = f"the model computes no {name!r}"
            raise LookupError(message)
        ends[name] = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
    needed: set[str] = set()
    wanted = list(outputs)
    while wanted:
        name = wanted.pop()
        if name not in needed and name not in inputs:
            needed.add(name)
            wanted.extend(makers[name].input if name in makers else ())
    part = onnx.helper.make_graph(
        [node for node in graph.node if not needed.isdisjoint(node.output)],
        graph.name,
        [ends[name] for name in inputs],
        [ends[name] for name in outputs],
        [weights for weights in graph.initializer if weights.name in needed],
    )
    whole = onnx.helper.make_model(
        part, opset_imports=model.opset_import, ir_version=model.ir_version
    )
    return bytes(whole.SerializeToString())
