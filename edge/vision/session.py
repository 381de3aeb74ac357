"""The one place that starts onnxruntime: as many threads as asked for, no spinning, no arena, failures a `ModelError`.

A failed inference must never look like an empty road, so nothing here returns an empty answer in its place.
"""

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as states  # type: ignore[import-untyped]

from edge.errors import ModelError

PROVIDERS = ["CPUExecutionProvider"]

RUNTIME_ERRORS: tuple[type[Exception], ...] = (
    states.DeviceReset,
    states.EPFail,
    states.EngineError,
    states.Fail,
    states.InvalidArgument,
    states.InvalidGraph,
    states.InvalidProtobuf,
    states.ModelLoadCanceled,
    states.ModelLoaded,
    states.ModelRequiresCompilation,
    states.NoModel,
    states.NoSuchFile,
    states.NotFound,
    states.NotImplemented,
    states.RuntimeException,
    RuntimeError,
    ValueError,
)
"""Everything that onnxruntime raises; its own classes have no common base."""


def options(threads: int = 1) -> onnxruntime.SessionOptions:
    """Session options set explicitly: the defaults spin on every core, which costs more than the network itself."""
    chosen = onnxruntime.SessionOptions()
    chosen.intra_op_num_threads = threads
    chosen.inter_op_num_threads = 1
    chosen.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    chosen.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    chosen.enable_cpu_mem_arena = False
    chosen.add_session_config_entry("session.intra_op.allow_spinning", "0")
    chosen.add_session_config_entry("session.inter_op.allow_spinning", "0")
    chosen.log_severity_level = 4
    return chosen


class Session:
    """One network with one input and one output that is used."""

    def __init__(self, *, name: str, written: bytes, threads: int = 1) -> None:
        """`written` are the bytes of an ONNX file. Raises ModelError when they are not a network that runs here."""
        self.name = name
        try:
            self._session = onnxruntime.InferenceSession(written, sess_options=options(threads), providers=PROVIDERS)
        except RUNTIME_ERRORS as error:
            raise ModelError(
                f"model `{name}`: onnxruntime cannot load it ({first_line(error)}); install the file again"
            ) from error
        self._input = self._session.get_inputs()[0]
        self._output = self._session.get_outputs()[0].name

    @property
    def input_shape(self) -> tuple[int | str | None, ...]:
        """The shape of the input; a dimension that is not fixed is a name or None."""
        return tuple(self._input.shape)

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """The first output for one input. Raises ModelError when the inference fails or gives no finite numbers."""
        try:
            answer = self._session.run([self._output], {self._input.name: batch})[0]
        except RUNTIME_ERRORS as error:
            raise ModelError(
                f"model `{self.name}`: inference failed ({first_line(error)}); run `homerule check`"
            ) from error
        numbers = np.asarray(answer, dtype=np.float32)
        if not np.isfinite(numbers).all():
            raise ModelError(f"model `{self.name}`: gives numbers that are not finite; install the file again")
        return numbers


def first_line(error: Exception) -> str:
    """What onnxruntime says, without its stack of source lines."""
    return str(error).strip().split("\n", 1)[0][:160]
