"""The baseline: fast-alpr's own loop, every frame and every plate, with the same two models.

Once as its defaults are, which spin on every core, and once with one thread and without spinning.
"""

from pathlib import Path

import cv2
import numpy as np
import onnxruntime  # type: ignore[import-untyped]
from fast_alpr import ALPR  # type: ignore[import-untyped]
from fast_alpr.base import BaseDetector, DetectionResult  # type: ignore[import-untyped]
from fast_alpr.default_ocr import DefaultOCR  # type: ignore[import-untyped]
from numpy.typing import NDArray
from open_image_models.detection.core.yolo_v9.postprocess import convert_to_detection_result
from open_image_models.detection.core.yolo_v9.preprocess import preprocess

from edge.bench.meter import Meter, peak_megabytes
from edge.bench.plan import Order, Outcome
from edge.vision.detector import without_doubles
from edge.vision.models import find_model
from edge.vision.session import options, providers

_LEAST_SCORE = 0.4
"""fast-alpr's own default."""


class _Detector(BaseDetector):  # type: ignore[misc]
    """What fast-alpr's default detector does, its own preparing and unpacking, for a network that need not be square.

    Doubles are left out, as they are inside the networks that fast-alpr comes with.
    """

    def __init__(self, file: Path, chosen: object) -> None:
        self._network = onnxruntime.InferenceSession(str(file), sess_options=chosen, providers=providers("cpu"))
        self._input = self._network.get_inputs()[0]

    def predict(self, frame: NDArray[np.uint8]) -> list[DetectionResult]:
        batch, ratio, padding = preprocess(frame, tuple(self._input.shape[2:]))
        rows = self._network.run(None, {self._input.name: batch})[0].reshape(-1, 7)
        rows = rows[rows[:, 6] >= _LEAST_SCORE]
        rows = rows[without_doubles(rows[:, 1:5], rows[:, 6])]
        found: list[DetectionResult] = convert_to_detection_result(rows, {}, ratio, padding, _LEAST_SCORE)
        return found


def naive(order: Order, *, one_thread: bool) -> Outcome:
    """Reads every frame as the examples of fast-alpr do."""
    folder = Path(order.models) if order.models else None
    finds = find_model("detector", order.detector, folder)
    reads = find_model("reader", order.reader, folder)
    chosen = options() if one_thread else None
    ocr = DefaultOCR(
        hub_ocr_model=None,
        providers=providers("cpu"),
        sess_options=chosen,
        model_path=reads.folder / reads.entry.file,
        config_path=reads.folder / str(reads.entry.config),
    )
    alpr = ALPR(detector=_Detector(finds.folder / finds.entry.file, chosen), ocr=ocr)
    if one_thread:
        cv2.setNumThreads(1)
    asked = [cv2.CAP_PROP_N_THREADS, 1] if one_thread else []
    video = cv2.VideoCapture(order.clip, cv2.CAP_FFMPEG, asked)
    rate = video.get(cv2.CAP_PROP_FPS) or 25.0
    said: list[tuple[str, float, float, float]] = []
    meter, frames = Meter(), 0
    while True:
        there, picture = video.read()
        if not there:
            break
        for one in alpr.predict(picture):
            if one.ocr is not None and one.ocr.text:
                sure = one.ocr.confidence
                mean = float(np.mean(sure)) if isinstance(sure, list) else float(sure)
                said.append((one.ocr.text, mean, frames / rate, frames / rate))
        frames += 1
    return Outcome(cpu=meter.cpu, seconds=frames / rate, peak=peak_megabytes(), frames=frames, looks=frames, said=said)
