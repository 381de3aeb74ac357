"""`homerule bench` on a drawn street: every kind of run, each in a process of its own."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from subprocess import PIPE

import pytest

from edge.bench.chart import drawn
from edge.bench.plan import Kind, Outcome
from edge.bench.result import Result
from edge.bench.words import lines
from edge.capture import open_recording
from edge.ledger import LEDGER_NAME
from edge.road.clip import Pass, Road, write_video
from tests.broker import wait_until


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One car, with its truth beside it and a small stream."""
    folder = tmp_path_factory.mktemp("clip")
    path = folder / "street.mp4"
    road = Road(passes=[Pass(text="CB 54 719", speed=14.0)], seed=5, size=(640, 360), fps=12.5)
    write_video(road, path)
    passes = [{"plate": text, "start": start, "end": end} for text, start, end in road.truth]
    path.with_suffix(".json").write_text(json.dumps({"fps": 12.5, "passes": passes}))
    small = folder / "small.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-s", "320x180", small], check=True)
    return path


def asked(clip: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge", "bench", str(clip), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def test_a_clip_is_measured_and_its_vehicle_is_read(clip: Path) -> None:
    done = asked(clip, "--truth", str(clip.with_suffix(".json")), "--repeats", "1", "--no-baselines", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["scores"]["homerule"]["exact"]["right"] == 1
    assert told["calls"]["detector"] > 5
    cost = told["cpu_seconds_per_video_minute"]
    assert cost["homerule"]["median"] > cost["decoding only"]["median"] > 0
    live = told["in_real_time"]
    assert live["frames"] > 0
    assert live["frames"] + live["dropped_frames"] > 20
    assert live["cold_start_seconds"] > 0
    assert "54719" not in done.stdout + done.stderr


@pytest.mark.full
def test_all_baselines_and_the_small_stream_are_measured_in_turns_and_drawn(clip: Path, tmp_path: Path) -> None:
    chart = tmp_path / "chart.svg"
    words = ["--sub", str(clip.with_name("small.mp4")), "--repeats", "2", "--chart", str(chart)]
    done = asked(clip, "--truth", str(clip.with_suffix(".json")), *words)
    assert done.returncode == 0, done.stderr
    turns = [line.split(": ")[1] for line in done.stderr.splitlines() if " of 2: " in line]
    assert turns[: len(turns) // 2] == turns[len(turns) // 2 :]
    for kind in Kind:
        assert kind is Kind.PACED or kind.value in done.stdout
        assert kind is Kind.PACED or kind.value.replace("'", "&#x27;") in chart.read_text()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_bench_that_is_stopped_leaves_nothing_behind(clip: Path, tmp_path: Path, sent: signal.Signals) -> None:
    command = [sys.executable, "-m", "edge", "bench", str(clip), "--no-baselines"]
    running = subprocess.Popen(command, env=os.environ | {"TMPDIR": str(tmp_path)}, stderr=subprocess.DEVNULL)
    wait_until(lambda: list(tmp_path.rglob(LEDGER_NAME)), what="a run has begun", within=60)
    running.send_signal(sent)
    assert running.wait(timeout=60) == 130
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_measured_is_one_line(tmp_path: Path, clip: Path) -> None:
    done = asked(tmp_path / "none.mp4")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no such file" in done.stderr
    assert "Traceback" not in done.stderr
    done = asked(clip, "--sub", str(tmp_path / "none.mp4"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[0].endswith("none.mp4`: no such file; give the sub-stream's recording with `--sub`")


def measuring(clip: Path, chart: Path) -> list[str]:
    """The command that measures it as quickly as can be."""
    words = ["--repeats", "1", "--no-baselines", "--no-paced", "--json", "--chart", str(chart)]
    return [sys.executable, "-m", "edge", "bench", str(clip), *words]


def test_a_chart_that_has_no_place_in_the_end_does_not_take_the_figures_with_it(tmp_path: Path, clip: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    with subprocess.Popen(measuring(clip, folder / "chart.svg"), stdout=PIPE, stderr=PIPE, text=True) as running:
        assert "homerule" in running.stderr.readline()
        folder.rmdir()
        said, complaint = running.communicate()
    assert (running.returncode, json.loads(said)["rounds"]) == (1, 1)
    assert "cannot be written (no such file or directory), name another file with `--chart`" in complaint


def test_a_screen_that_is_gone_does_not_take_the_chart_with_it(tmp_path: Path, clip: Path) -> None:
    with open("/dev/full", "w") as full:
        command = measuring(clip, tmp_path / "chart.svg")
        done = subprocess.run(command, stdout=full, stderr=PIPE, text=True, check=False)
    assert done.returncode == 1
    assert "standard output cannot be written (no space left on device)" in done.stderr
    assert (tmp_path / "chart.svg").stat().st_size > 500


def test_another_clips_truth_and_a_small_stream_that_is_none_are_refused(tmp_path: Path, clip: Path) -> None:
    other, empty = tmp_path / "other.json", tmp_path / "small.mp4"
    other.write_text('{"fps": 25, "passes": [{"plate": "ZZ99999", "start": 100000, "end": 200000}]}')
    empty.touch()
    for words, said in [
        (["--truth", str(other)], "passes[0] ends at 8000 s and the clip at "),
        (["--sub", str(empty)], f"`{empty}`"),
    ]:
        done = asked(clip, "--repeats", "1", "--no-baselines", *words)
        assert (done.returncode, done.stdout) == (1, "")
        assert said in done.stderr
        assert not {"Traceback", "ZZ99999", "Errno"} & set(done.stderr.split())


def test_a_clip_that_does_not_tell_how_long_it_is_is_held_against_its_truth_all_the_same(
    tmp_path: Path, clip: Path
) -> None:
    piped = tmp_path / "piped.mkv"
    with piped.open("wb") as file:
        subprocess.run(
            ["ffmpeg", "-v", "error", "-i", clip, "-c", "copy", "-f", "matroska", "-"], stdout=file, check=True
        )
    assert open_recording(piped, camera_id="c", start=datetime.now(UTC)).total == 0
    words = ["--repeats", "1", "--no-baselines", "--no-paced", "--json"]
    done = asked(piped, "--truth", str(clip.with_suffix(".json")), *words)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["scores"]["homerule"]["exact"]["right"] == 1


def test_a_chart_takes_the_place_of_an_earlier_one_and_of_nothing_else(tmp_path: Path, clip: Path) -> None:
    before = clip.read_bytes()
    done = asked(clip, "--chart", str(clip))
    assert (done.returncode, done.stdout, clip.read_bytes()) == (1, "", before)
    assert "is there already and is no earlier output of this kind, name another file with `--chart`" in done.stderr
    (tmp_path / "chart.svg").write_text(drawn(result()))
    assert "no such file" in asked(tmp_path / "none.mp4", "--chart", str(tmp_path / "chart.svg")).stderr


def result() -> Result:
    ours = [Outcome(cpu=cpu, seconds=60.0, peak=100.0) for cpu in (12.0, 10.0, 20.0)]
    decoding = [Outcome(cpu=cpu, seconds=60.0, peak=50.0) for cpu in (8.0, 8.0, 16.0)]
    calls = [Outcome(cpu=2.0, seconds=60.0, peak=50.0)] * 3
    paced = [Outcome(cpu=1.0, seconds=60.0, peak=120.0, late=[each / 1000 for each in range(1, 101)])]
    outcomes = {Kind.OURS: ours, Kind.DECODING: decoding, Kind.CALLS: calls, Kind.PACED: paced}
    return Result(clip="a.mp4", outcomes=outcomes, truths=None)


def test_ratios_are_taken_within_a_round_so_that_a_busy_computer_falls_on_both_sides() -> None:
    figure = result().ratios["of decoding and the models' runs"]
    assert (figure.least, figure.median, figure.most) == (1.0, 20 / 18, 1.2)


def test_the_cost_is_for_a_minute_of_video_with_its_spread() -> None:
    figure = result().cost[Kind.OURS]
    assert (figure.least, figure.median, figure.most) == (10.0, 12.0, 20.0)


def test_percentiles_are_of_the_nearest_rank() -> None:
    assert result().late == {50: 50.0, 95: 95.0, 99: 99.0}


def test_the_words_and_the_chart_hold_every_kind_that_was_run() -> None:
    said, chart = "\n".join(lines(result())), drawn(result())
    for kind in (Kind.OURS, Kind.DECODING):
        assert kind.value in said
        assert kind.value in chart


def test_a_clip_whose_name_is_no_utf_8_is_refused_before_anything_is_measured(clip: Path, tmp_path: Path) -> None:
    named = tmp_path / os.fsdecode(b"c\xff.mp4")
    named.symlink_to(clip)
    done = asked(named, "--repeats", "1")
    assert (done.returncode, done.stderr) == (1, f"homerule: `{tmp_path}/c\\xff.mp4`: is no UTF-8 name, rename it\n")
