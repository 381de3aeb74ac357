"""The least that reading the clip can cost: decoding it, and the bare runs of the models that were made."""

from pathlib import Path

import av
import numpy as np
import onnxruntime  # type: ignore[import-untyped]

from edge.bench.meter import Meter, peak_megabytes
from edge.bench.plan import Order, Outcome
from edge.decoding.stream import packets_of
from edge.vision.models import Stored, find_model
from edge.vision.session import options, providers

_TYPES = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8, "tensor(double)": np.float64}


def decoding(clip: str) -> Outcome:
    """Every picture decoded, its block edges smoothed as ffmpeg does it unasked, none converted."""
    with av.open(clip) as container:
        video = container.streams.video[0]
        video.thread_type = "NONE"
        rate = float(video.guessed_rate or 25)
        meter = Meter()
        frames = sum(len(packet.decode()) for packet in packets_of(container, video))
        return Outcome(cpu=meter.cpu, seconds=frames / rate, peak=peak_megabytes(), frames=frames)


def calls(order: Order) -> Outcome:
    """As many runs of the networks as were made, and nothing around them."""
    folder = Path(order.models) if order.models else None
    finds, reads = find_model("detector", order.detector, folder), find_model("reader", order.reader, folder)
    meter = Meter()
    near = finds.parts or finds
    cpu = _runs(finds, order.looks - order.parts) + _runs(near, order.parts) + _runs(reads, order.readings)
    return Outcome(cpu=cpu, seconds=meter.cpu, peak=peak_megabytes(), looks=order.looks, readings=order.readings)


def _runs(model: Stored, times: int) -> float:
    """CPU seconds of `times` runs; what is in the input makes no difference."""
    session = onnxruntime.InferenceSession(
        str(model.folder / model.entry.file), sess_options=options(), providers=providers("cpu")
    )
    asked = session.get_inputs()[0]
    shape = [each if isinstance(each, int) else 1 for each in asked.shape]
    chance = np.random.default_rng(1)
    batch = (chance.random(shape) * (255 if "uint8" in asked.type else 1)).astype(_TYPES[asked.type])
    session.run(None, {asked.name: batch})
    meter = Meter()
    for _ in range(times):
        session.run(None, {asked.name: batch})
    return meter.cpu
