"""A transducer of the kind of Parakeet TDT, small enough to be made for a test.

It says "well, yes well, yes …": a token each 320 ms where the sound is louder than on average.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TOKENS = ("▁well", "▁,", "▁yes", "<blk>")
BLANK = len(TOKENS) - 1
DURATIONS = 5
"""A token ends 0 to 4 frames of 80 ms later."""


def write(folder: Path, ending: str = ".onnx") -> Path:
    """Write the model's files as onnx-asr expects them."""
    _save([*_encoder()], folder / f"encoder-model{ending}")
    _save([*_decoder_joint()], folder / f"decoder_joint-model{ending}")
    lines = (f"{token} {number}\n" for number, token in enumerate(TOKENS))
    (folder / "vocab.txt").write_text("".join(lines), encoding="utf-8")
    config = {"model_type": "nemo-conformer-tdt", "features_size": 128, "subsampling_factor": 8}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def _value(name, kind, *shape):
    return helper.make_tensor_value_info(name, kind, shape)


def _encoder():
    """How loud each 80 ms are: (batch, 1, frames)."""
    yield [
        helper.make_node(
            "AveragePool",
            ["audio_signal"],
            ["pooled"],
            kernel_shape=[8],
            strides=[8],
            ceil_mode=1,
        ),
        helper.make_node("ReduceMean", ["pooled"], ["outputs"], axes=[1], keepdims=1),
        helper.make_node("Add", ["length", "seven"], ["longer"]),
        helper.make_node("Div", ["longer", "eight"], ["encoded_lengths"]),
    ]
    yield [
        _value("audio_signal", TensorProto.FLOAT, "batch", 128, "time"),
        _value("length", TensorProto.INT64, "batch"),
    ]
    yield [
        _value("outputs", TensorProto.FLOAT, "batch", 1, "frames"),
        _value("encoded_lengths", TensorProto.INT64, "batch"),
    ]
    yield [
        numpy_helper.from_array(np.array(7), "seven"),
        numpy_helper.from_array(np.array(8), "eight"),
    ]


def _decoder_joint():
    """Scores of each token, the next one in turn before all, and of each duration."""
    turn = np.full((len(TOKENS), len(TOKENS) + DURATIONS), -3, np.float32)
    for before, after in ((BLANK, 0), (0, 1), (1, 2), (2, 0)):
        turn[before, after] = 0
    turn[:, BLANK] = 0
    turn[:, -1] = 3
    louder = np.zeros(len(TOKENS) + DURATIONS, np.float32)
    louder[:BLANK], louder[BLANK] = 3, -3
    yield [
        helper.make_node("Gather", ["turn", "targets"], ["scores"]),
        helper.make_node("Mul", ["encoder_outputs", "louder"], ["heard"]),
        helper.make_node("Add", ["scores", "heard"], ["outputs"]),
        helper.make_node("Identity", ["input_states_1"], ["output_states_1"]),
        helper.make_node("Identity", ["input_states_2"], ["output_states_2"]),
    ]
    states = [f"put_states_{number}" for number in (1, 2)]
    yield [
        _value("encoder_outputs", TensorProto.FLOAT, "batch", 1, 1),
        _value("targets", TensorProto.INT32, "batch", 1),
        _value("target_length", TensorProto.INT32, "batch"),
        *(_value("in" + state, TensorProto.FLOAT, 1, "batch", 2) for state in states),
    ]
    yield [
        _value("outputs", TensorProto.FLOAT, "batch", 1, len(TOKENS) + DURATIONS),
        *(_value("out" + state, TensorProto.FLOAT, 1, "batch", 2) for state in states),
    ]
    yield [numpy_helper.from_array(turn, "turn"), numpy_helper.from_array(louder, "louder")]


def _save(parts, path):
    nodes, inputs, outputs, weights = parts
    graph = helper.make_graph(nodes, path.stem, inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
