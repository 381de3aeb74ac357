"""What runs the models is what device.toml names, or nothing does."""

import onnxruntime
import pytest

from edge.errors import ConfigError
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
