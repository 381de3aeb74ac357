"""A reader is given what fast-plate-ocr would give it, and its answer means what fast-plate-ocr takes it for."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from fast_plate_ocr import LicensePlateRecognizer
from fast_plate_ocr.core.process import resize_image
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import ModelError
from edge.road.plate import draw_plate
from edge.vision import Reader, models_folder, read_manifest
from edge.vision.plateconfig import PlateConfig

WRITTEN = """
max_plate_slots: 9
alphabet: '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_'
pad_char: '_'
img_height: 64
img_width: 128
"""


def parsed(written: str) -> PlateConfig:
    return PlateConfig.parse(written.encode(), file="reader.yaml")


@given(
    high=st.integers(6, 90),
    wide=st.integers(6, 260),
    mode=st.sampled_from(["rgb", "grayscale"]),
    keeps=st.booleans(),
    way=st.sampled_from(["nearest", "linear", "cubic", "area", "lanczos4"]),
    padding=st.sampled_from([[114, 90, 3], 77]),
)
def test_a_crop_is_prepared_as_fast_plate_ocr_prepares_it(
    high: int, wide: int, mode: str, keeps: bool, way: str, padding: list[int] | int
) -> None:
    crop = np.random.default_rng(high * wide).integers(0, 256, (high, wide, 3), np.uint8)
    config = parsed(
        f"{WRITTEN}image_color_mode: {mode}\nkeep_aspect_ratio: {keeps}\n"
        f"interpolation: {way}\npadding_color: {padding}\n"
    )
    theirs = resize_image(
        crop[:, :, ::-1].copy() if mode == "rgb" else cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY),
        64,
        128,
        image_color_mode=mode,  # type: ignore[arg-type]
        keep_aspect_ratio=keeps,
        interpolation_method=way,  # type: ignore[arg-type]
        padding_color=tuple(padding) if isinstance(padding, list) else padding,  # type: ignore[arg-type]
    )
    assert np.array_equal(config.prepared(crop), theirs)


def test_a_reading_is_what_fast_plate_ocr_reads() -> None:
    folder = models_folder()
    entry = next(entry for entry in read_manifest(folder) if entry.kind == "reader")
    file, config = folder / entry.file, folder / str(entry.config)
    crop = draw_plate("KT 40718", width=90)
    theirs = LicensePlateRecognizer(onnx_model_path=file, plate_config_path=config, providers=["CPUExecutionProvider"])
    said = theirs.run(crop[:, :, ::-1].copy(), return_confidence=True)[0]
    ours = Reader(name="reader", file=file, config=config).read(crop)
    assert ours.text == said.plate == "KT40718"
    assert said.char_probs is not None
    assert ours.confidences == pytest.approx(said.char_probs[: len(said.plate)], abs=1e-5)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("[", "it is not YAML"),
        ("just text", "not a plate config"),
        (WRITTEN.replace("9", "none", 1), "max_plate_slots"),
        (WRITTEN + "mirrored: true\n", "`mirrored`"),
        (WRITTEN.replace("pad_char: '_'", "pad_char: '!'"), "pad_char"),
    ],
)
def test_what_is_no_plate_config_is_said(written: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        parsed(written)


def test_a_config_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        Reader(name="reader", file=tmp_path / "a.onnx", config=tmp_path / "a.yaml")
