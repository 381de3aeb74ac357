"""What runs the models is what device.toml names, or nothing does."""

import numpy as np
import onnxruntime
import pytest
from onnxruntime.capi import onnxruntime_pybind11_state as states

from edge.errors import ConfigError, ModelError
from edge.vision import Models
from edge.vision.session import providers, require


def test_the_models_say_what_really_runs_them() -> None:
    assert Models.load().provider == "cpu"


@pytest.mark.skipif("CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="this one has CUDA")
@pytest.mark.parametrize("name", ["cuda", "tensorrt"])
def test_a_named_provider_that_is_missing_is_an_error_with_the_mend(name: str) -> None:
    with pytest.raises(ConfigError, match="`onnxruntime-gpu`") as refused:
        Models.load(provider=name)
    assert f'`provider = "{name}"`' in str(refused.value)
    assert "only `cpu`" in str(refused.value)


def test_a_provider_that_does_not_start_is_an_error_and_no_silent_fall_to_the_cpu() -> None:
    """What onnxruntime lists for a session once the driver's library could not be loaded."""
    with pytest.raises(ConfigError, match="`cpu` would run in its place"):
        require("cuda", ["CPUExecutionProvider"])


class Failing:
    """Stands before onnxruntime's own session, on a GPU that has failed."""

    def __init__(self, behind: object) -> None:
        self._behind = behind

    def __getattr__(self, name: str) -> object:
        return getattr(self._behind, name)

    def run(self, *asked: object) -> None:
        raise states.EPFail("[ONNXRuntimeError] : 11 : EP_FAIL : CUDA failure 719: unspecified launch failure")


def test_a_provider_that_fails_in_service_is_an_error_and_no_silent_fall_to_the_cpu(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Models.load().reader._session
    batch = np.zeros([size if isinstance(size, int) else 1 for size in session.input_shape], np.uint8)
    before = session._session.get_providers()
    monkeypatch.setattr(session._session, "_sess", failing := Failing(session._session._sess))
    with pytest.raises(ModelError, match="CUDA failure 719"):
        session.run(batch)
    assert (session._session.get_providers(), session._session._sess) == (before, failing)
    assert capsys.readouterr().out == ""


def test_what_a_gpu_cannot_run_is_left_to_the_next_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    there = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: there)
    assert providers("tensorrt") == there
    assert providers("cuda") == there[1:]
    assert require("tensorrt", there) == "tensorrt"


def test_no_other_provider_is_taken_than_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    with pytest.raises(ConfigError, match="only `cuda`"):
        providers("cpu")
