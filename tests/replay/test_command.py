"""`homerule replay` as it is typed: exit codes, messages, and nothing left behind."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge import desk
from edge.clock import SystemClock
from edge.road.clip import Pass, Road, write_video
from tests.broker import wait_until

PLATES = ("AB12345", "HRM4821", "ZX77310")


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn road: two vehicles pass, one is parked."""
    path = tmp_path_factory.mktemp("street") / "street.mp4"
    passes = [Pass(text=PLATES[0]), Pass(text=PLATES[1], state="TEXAS", colour="red")]
    write_video(
        Road(passes=passes, parked=Pass(text=PLATES[2], colour="blue"), seed=5, size=(960, 540), fps=15.0), path
    )
    return path


def homerule(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge", *map(str, words)], capture_output=True, text=True, check=False, timeout=240
    )


def test_every_vehicle_of_a_road_is_one_passage(street: Path, tmp_path: Path) -> None:
    done = homerule("replay", street, "--at", "2026-11-02T08:00:00Z", "--out", tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    reads = [json.loads(line) for line in (tmp_path / "out" / "reads.jsonl").read_text().splitlines()]
    assert sorted(read["text"] for read in reads) == sorted(PLATES)
    parked = next(read for read in reads if read["text"] == PLATES[2])
    assert parked["first_seen_seconds"] < 0.5
    assert parked["frames"] >= 8


def refused(*words: object) -> str:
    done = homerule("replay", *words)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


def test_a_missing_video_is_refused(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "nowhere.mp4")


def test_a_text_file_named_mp4_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("hello\n" * 100)
    assert "text file" in refused(tmp_path / "notes.mp4", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_policy_folder_that_is_none_is_refused(street: Path, tmp_path: Path) -> None:
    assert "no such policy folder" in refused(street, "--policy", tmp_path / "nowhere", "--out", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_models_folder_without_a_manifest_is_refused(street: Path, tmp_path: Path) -> None:
    assert "manifest.toml" in refused(street, "--models", tmp_path, "--out", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_output_folder_in_use_is_refused(street: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert "not empty" in refused(street, "--out", tmp_path)


@pytest.mark.parametrize(
    ("out", "annotate"), [("out", "out/marked.mp4"), ("marked.mp4/out", "marked.mp4"), ("a.mp4", "b/../a.mp4")]
)
def test_outputs_that_are_one_or_lie_in_one_another_are_wrong_usage(
    street: Path, tmp_path: Path, out: str, annotate: str
) -> None:
    done = homerule("replay", street, "--out", tmp_path / out, "--annotate", tmp_path / annotate)
    assert done.returncode == 2
    assert "one lies in the other" in done.stderr or "name the same file" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_replay_that_is_stopped_leaves_nothing_behind(street: Path, tmp_path: Path, sent: signal.Signals) -> None:
    words = ["replay", street, "--out", tmp_path / "r", "--annotate", tmp_path / "r.mp4"]
    running = subprocess.Popen([sys.executable, "-m", "edge", *map(str, words)])
    wait_until(lambda: [*tmp_path.glob(".*.part.mp4")], what="it has begun to write", within=60)
    running.send_signal(sent)
    assert running.wait(timeout=60) == 130
    assert list(tmp_path.iterdir()) == []


def test_what_is_asked_for_is_written_though_nobody_reads_the_screen(street: Path, tmp_path: Path) -> None:
    words = ["replay", street, "--out", tmp_path / "r", "--annotate", tmp_path / "r.mp4"]
    with subprocess.Popen(
        [sys.executable, "-m", "edge", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        running.stdout.close()
        said = running.stderr.read()
    assert (running.returncode, said) == (1, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r", "r.mp4"]
    assert (tmp_path / "r" / "report.html").stat().st_size > 1000


def test_a_screen_that_takes_nothing_is_not_the_fault_of_the_folder(street: Path, tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "edge", "replay", str(street), "--out", str(tmp_path / "r")],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "standard output cannot be written (no space left on device)" in done.stderr
    assert (tmp_path / "r" / "report.html").exists()


def test_publishing_to_another_computer_is_refused(street: Path, tmp_path: Path) -> None:
    assert "127.0.0.1" in refused(street, "--publish", "192.0.2.1:1883", "--out", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_time_without_a_zone_is_wrong_usage(street: Path) -> None:
    done = homerule("replay", street, "--at", "2026-11-02T08:00:00")
    assert done.returncode == 2
    assert "time zone" in done.stderr


def test_names_that_are_no_utf_8_stand_in_the_files_with_their_bytes(tmp_path: Path) -> None:
    pictures, policy = tmp_path / os.fsdecode(b"bad\xff"), tmp_path / os.fsdecode(b"b\xff.city")
    pictures.mkdir()
    (tmp_path / "1.png").write_bytes(cv2.imencode(".png", np.full((90, 160, 3), 90, np.uint8))[1].tobytes())
    (tmp_path / "1.png").rename(pictures / "1.png")
    (pictures / os.fsdecode(b"2\xff.jpg")).write_bytes(b"no picture")
    desk.copy_examples(policy, now=SystemClock().now().at)
    done = homerule("replay", pictures, "--policy", policy, "--out", tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert told["recording"]["name"] == r"bad\xff"
    assert told["policy"]["source"].startswith(rf"the policy in `{tmp_path}/b\xff.city`")
    assert told["recording"]["warnings"] == [
        rf"`{tmp_path}/bad\xff/2\xff.jpg`: not an image that can be decoded; left out"
    ]
    page = (tmp_path / "out" / "report.html").read_text()
    assert r"<title>Replay of bad\xff</title>" in page
    assert r"2\xff.jpg" in page
