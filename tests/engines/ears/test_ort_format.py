"""Models in ONNX Runtime's format become ONNX, and compute the same."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from antiphon.engines.ears.ort_format import as_onnx
from antiphon.engines.native.onnx import session_options
from antiphon.errors import EngineError


def branching_model():
    """Adds one, or takes quantized weights apart and adds those."""
    quantized = helper.make_graph(
        [
            helper.make_node("Cast", ["weights"], ["unpacked"], to=TensorProto.FLOAT),
            helper.make_node("Add", ["x", "unpacked"], ["one_sum"]),
        ],
        "quantized",
        [],
        [helper.make_tensor_value_info("one_sum", TensorProto.FLOAT, [2])],
        [numpy_helper.from_array(np.array([3, 4], np.int8), "weights")],
    )
    plain = helper.make_graph(
        [helper.make_node("Add", ["x", "one"], ["other_sum"])],
        "plain",
        [],
        [helper.make_tensor_value_info("other_sum", TensorProto.FLOAT, [2])],
        [numpy_helper.from_array(np.ones(2, np.float32), "one")],
    )
    choice = helper.make_node("If", ["which"], ["y"], then_branch=quantized, else_branch=plain)
    graph = helper.make_graph(
        [choice],
        "whole",
        [
            helper.make_tensor_value_info("which", TensorProto.BOOL, [1]),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [2]),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])],
    )
    opset = helper.make_opsetid("", 17)
    return helper.make_model(graph, opset_imports=[opset], ir_version=9).SerializeToString()


def saved_as_ort(model, path):
    options = session_options(threads=1, stage="transcribe")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.optimized_model_filepath = str(path)
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def test_a_model_with_branches_computes_what_it_did(tmp_path):
    path = tmp_path / "model.ort"
    saved_as_ort(branching_model(), path)
    session = onnxruntime.InferenceSession(as_onnx(path, "transcribe"))
    x = np.array([10, 20], np.float32)
    for which, expected in ((True, [13, 24]), (False, [11, 21])):
        (y,) = session.run(None, {"which": np.array([which]), "x": x})
        assert y.tolist() == expected


def test_a_file_that_is_no_model_is_refused(tmp_path):
    path = tmp_path / "model.ort"
    path.write_bytes(b"not a model")
    with pytest.raises(EngineError, match=r"cannot read .*model\.ort"):
        as_onnx(path, "transcribe")
