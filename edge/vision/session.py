"""The one place that starts onnxruntime: as many threads as asked for, no spinning, and failures a `ModelError`.

A failed inference must never look like an empty road, so nothing here returns an empty answer in its place. The
provider is the one that was named, or nothing runs: a device that was bought for its GPU must not crawl along without.
"""

from collections.abc import Sequence

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as states  # type: ignore[import-untyped]

from edge.errors import ConfigError, ModelError

_CPU, _CUDA, _TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"
_PROVIDERS = {"cpu": (_CPU,), "cuda": (_CUDA, _CPU), "tensorrt": (_TENSORRT, _CUDA, _CPU)}
"""What device.toml calls them; the first does the work, the others what it cannot."""
_MENDS = {
    "cuda": "install `onnxruntime-gpu` in the place of `onnxruntime`",
    "tensorrt": "install `onnxruntime-gpu` with TensorRT in the place of `onnxruntime`",
}

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
    """Session options set explicitly: the defaults spin on every core, which costs more than the network itself.

    The arena keeps the memory between two runs: to ask the kernel for it anew each time costs half as much as the run.
    Without the pattern it is no larger than what a run needs at its fullest.
    """
    chosen = onnxruntime.SessionOptions()
    chosen.intra_op_num_threads = threads
    chosen.inter_op_num_threads = 1
    chosen.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    chosen.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    chosen.enable_cpu_mem_arena = True
    chosen.enable_mem_pattern = False
    chosen.add_session_config_entry("session.intra_op.allow_spinning", "0")
    chosen.add_session_config_entry("session.inter_op.allow_spinning", "0")
    chosen.log_severity_level = 4
    return chosen


def providers(name: str) -> list[str]:
    """What onnxruntime is given for `cpu`, `cuda` or `tensorrt`. Raises ConfigError when this build has it not."""
    wanted, there = _PROVIDERS[name], onnxruntime.get_available_providers()
    if wanted[0] not in there:
        known = " ".join(f"`{each}`" for each, first in _PROVIDERS.items() if first[0] in there)
        raise ConfigError(
            f'device.toml: [models] `provider = "{name}"`: the onnxruntime that is installed has only {known}; '
            f"{_MENDS.get(name, 'install it again')}, or name one that is there"
        )
    return [each for each in wanted if each in there]


def require(name: str, used: Sequence[str]) -> str:
    """The provider that does the work, as device.toml calls it. Raises ConfigError when it is another than `name`.

    onnxruntime goes on with the CPU, and says so to nobody, when a provider does not start.
    """
    found = next((each for each, first in _PROVIDERS.items() if used and first[0] == used[0]), "another")
    if found != name:
        raise ConfigError(
            f'device.toml: [models] `provider = "{name}"`: it does not start here and `{found}` would run in its place;'
            " mend its driver and libraries (`nvidia-smi` shows the driver), or name one that runs"
        )
    return found


class Session:
    """One network with one input and one output that is used."""

    def __init__(
        self, *, name: str, written: bytes, threads: int = 1, provider: str = "cpu", output: str | None = None
    ) -> None:
        """`written` are the bytes of an ONNX file; `output` is used where there is one of that name, else the first.

        Raises ModelError when they are not a network that runs here, ConfigError when the provider is missing.
        """
        self.name = name
        wanted = providers(provider)
        try:
            self._session = onnxruntime.InferenceSession(written, sess_options=options(threads), providers=wanted)
        except RUNTIME_ERRORS as error:
            raise ModelError(
                f"model `{name}`: onnxruntime cannot load it ({first_line(error)}); install the file again"
            ) from error
        # a provider that fails in service would be left for the CPU, with an answer and without an error
        self._session.disable_fallback()
        self.provider = require(provider, self._session.get_providers())
        self._input = self._session.get_inputs()[0]
        outputs = [each.name for each in self._session.get_outputs()]
        self._output = output if output in outputs else outputs[0]

    @property
    def input_shape(self) -> tuple[int | str | None, ...]:
        """The shape of the input; a dimension that is not fixed is a name or None."""
        return tuple(self._input.shape)

    def run(self, batch: NDArray[np.float32] | NDArray[np.uint8]) -> NDArray[np.float32]:
        """The output for one input. Raises ModelError when the inference fails or gives no finite numbers."""
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
