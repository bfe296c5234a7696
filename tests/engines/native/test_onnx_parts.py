"""A part of a model computes what it computed within the whole."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from antiphon.engines.native.onnx import open_session
from antiphon.engines.native.onnx_parts import part_of, read_model
from antiphon.errors import EngineError

CUTS = {"squared": (1, None)}


@pytest.fixture
def model(tmp_path):
    """y = x² + bias, cut at x²."""
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["x", "x"], ["squared"]),
            helper.make_node("Add", ["squared", "bias"], ["y"]),
        ],
        "squares",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, None))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, None))],
        [helper.make_tensor("bias", TensorProto.FLOAT, (1,), [0.5])],
    )
    path = tmp_path / "squares.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)]), path)
    return read_model(path, "synthesize")


def run(content, tmp_path, **inputs):
    session = open_session(tmp_path, threads=1, stage="synthesize", content=content)
    return session.run(None, {key: np.array([value], np.float32) for key, value in inputs.items()})


def test_the_parts_together_do_what_the_whole_does(model, tmp_path):
    (squared,) = run(part_of(model, ["x"], ["squared"], CUTS), tmp_path, x=[2, 3])
    assert squared.tolist() == [[4, 9]]
    (y,) = run(part_of(model, ["squared"], ["y"], CUTS), tmp_path, squared=squared[0])
    assert y.tolist() == [[4.5, 9.5]]


def test_a_part_carries_only_the_weights_that_it_needs(model):
    first = onnx.load_from_string(part_of(model, ["x"], ["squared"], CUTS))
    second = onnx.load_from_string(part_of(model, ["squared"], ["y"], CUTS))
    assert [len(part.graph.initializer) for part in (first, second)] == [0, 1]


def test_a_cut_where_the_model_has_nothing_is_refused(model):
    with pytest.raises(LookupError, match="computes no 'cubed'"):
        part_of(model, ["x"], ["cubed"], {"cubed": (1, None)})


def test_a_file_that_is_no_model_is_refused(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(EngineError, match=r"model\.onnx is not an ONNX model") as caught:
        read_model(path, "synthesize")
    assert caught.value.code == "weights_unreadable"
