"""A recording through the whole pipeline: what comes out, that it comes out twice the same, and that it is a test."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import cv2
import pytest

from edge.capture import open_recording
from edge.errors import HomeruleError
from edge.ledger import LEDGER_NAME
from edge.ledger.entries import HotListsInForce, Read
from edge.ledger.look import look
from edge.pipeline import Outcome
from edge.policy.hotlists import gather
from edge.replay import AnnotatedVideo, OutputFolder, Replay, Result, load_rules, write_result
from edge.vision import ModelEntry
from tests.vision.scene import START, Eyes, Vehicle, crossing, draw, standing

SCENE = {
    10: crossing("AB12345", begins=0.5),
    11: standing("<B>&1", left=80.0),
    12: crossing("XY98760", begins=3.0),
}
MODEL = ModelEntry(name="drawn", kind="detector", file="drawn.onnx", sha256="0" * 64, licence="Apache-2.0")


def save(folder: Path, vehicles: dict[int, Vehicle], *, seconds: float) -> Path:
    """The scene as a folder of images, ten a second."""
    folder.mkdir()
    for frame in draw(vehicles, seconds=seconds, fps=10):
        cv2.imwrite(str(folder / f"frame{frame.sequence}.png"), frame.pixels)
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("recording") / "pictures", SCENE, seconds=6)


def replayed(
    pictures: Path, out: Path, marked: Path | None = None, scene: dict[int, Vehicle] = SCENE
) -> tuple[Outcome, ...]:
    """Replays the scene by the example policy into `out`."""
    recording = open_recording(pictures, camera_id="recording", start=START, pictures_per_second=10)
    rules = load_rules(None, start=START)
    video = AnnotatedVideo(marked, frames_per_second=10) if marked else None
    with OutputFolder(out) as folder:
        run = Replay(recording=recording, models=Eyes(scene), rules=rules, folder=folder.folder, start=START)
        outcomes: list[Outcome] = []
        for step in run.steps():
            outcomes += step.outcomes
            if video and step.frame:
                video.add(step.frame, run.in_view(step.frame.captured_at))
        run.close()
        if video:
            video.keep()
        result = Result(
            recording=recording,
            start=START,
            end=START + timedelta(seconds=6),
            outcomes=tuple(outcomes),
            counts=run.counts,
            rules=rules,
            models=(MODEL,),
            took_seconds=1.0,
        )
        write_result(result, folder)
    return tuple(outcomes)


@pytest.fixture(scope="module")
def out(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first") / "out"
    replayed(pictures, folder)
    return folder


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_there_is_one_line_for_each_passage(out: Path) -> None:
    reads = lines(out / "reads.jsonl")
    assert [read["text"] for read in reads] == ["<B>&1", "AB12345", "XY98760"]
    assert all(read["first_seen"] <= read["best_seen"] <= read["last_seen"] for read in reads)
    assert reads[0]["first_seen"] == "2026-11-02T08:00:00.000Z"
    assert reads[0]["first_seen_seconds"] == 0


def test_there_is_one_decision_for_each_passage_and_subscriber(out: Path) -> None:
    reads, decisions = lines(out / "reads.jsonl"), lines(out / "decisions.jsonl")
    subscribers = {decision["subscriber"] for decision in decisions}
    pairs = {(decision["read_id"], decision["subscriber"]) for decision in decisions}
    assert pairs == {(read["read_id"], name) for read in reads for name in subscribers}
    assert len(decisions) == len(pairs)
    assert all(decision["reasons"] for decision in decisions)


def test_a_vehicle_that_was_corrected_is_one_line_and_its_decisions_are_all_told(tmp_path: Path) -> None:
    slow = crossing("AB12345", begins=0.2, lasts=5.0)
    scene = {10: replace(slow, says=lambda look: ("AB12346", 0.97) if look <= 8 else ("AB12345", 0.99))}
    first, second = replayed(save(tmp_path / "pictures", scene, seconds=6), tmp_path / "out", scene=scene)
    (read,) = lines(tmp_path / "out" / "reads.jsonl")
    assert (read["text"], read["replaces"]) == ("AB12345", first.tagged.read.read_id)
    decided = {decision["read_id"] for decision in lines(tmp_path / "out" / "decisions.jsonl")}
    assert decided == {first.tagged.read.read_id, second.tagged.read.read_id}
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["passages"], summary["corrections"]) == (1, 1)
    assert "corrects what was handed on before" in (tmp_path / "out" / "report.html").read_text()


def test_the_same_recording_gives_the_same_bytes(pictures: Path, out: Path, tmp_path: Path) -> None:
    replayed(pictures, tmp_path / "again")
    for name in ("reads.jsonl", "decisions.jsonl", "report.html"):
        assert (tmp_path / "again" / name).read_bytes() == (out / name).read_bytes()


def test_the_sums_agree_with_the_decisions(out: Path) -> None:
    summary = json.loads((out / "summary.json").read_text())
    decisions = lines(out / "decisions.jsonl")
    for subscriber in summary["subscribers"]:
        mine = [decision["effect"] for decision in decisions if decision["subscriber"] == subscriber["id"]]
        assert (subscriber["shared"], subscriber["withheld"]) == (mine.count("share"), mine.count("withhold"))
    assert summary["passages"] == 3
    assert summary["models"][0]["sha256"] == "0" * 64


def test_every_read_is_marked_as_a_test(pictures: Path, tmp_path: Path) -> None:
    outcomes = replayed(pictures, tmp_path / "out")
    assert all(outcome.tagged.tags.test for outcome in outcomes)
    assert {"test"} <= set(lines(tmp_path / "out" / "reads.jsonl")[0]["flags"])


def test_the_ledger_of_a_replay_is_its_own(out: Path) -> None:
    assert (out / LEDGER_NAME).is_file()


def test_the_ledger_of_a_replay_names_its_hot_lists_before_its_reads(out: Path) -> None:
    found = [logged.entry for logged in look(out / LEDGER_NAME, frozenset({"hotlists", "read"}))]
    assert isinstance(found[0], HotListsInForce)
    assert [one[0] for one in found[0].lists] == ["county-stolen"]
    assert {type(one) for one in found[1:]} == {Read}


def test_a_list_that_counts_only_from_the_middle_of_a_recording_is_named_from_there(
    pictures: Path, tmp_path: Path
) -> None:
    rules = load_rules(None, start=START)
    later = gather(replace(one, begins=START + timedelta(seconds=1)) for one in rules.hotlists.lists)
    run = Replay(
        recording=open_recording(pictures, camera_id="recording", start=START, pictures_per_second=10),
        models=Eyes(SCENE),
        rules=replace(rules, hotlists=later),
        folder=tmp_path,
        start=START,
    )
    hits = [hit.list_id for step in run.steps() for outcome in step.outcomes for hit in outcome.tagged.tags.hits]
    run.close()
    named = [one.entry for one in look(tmp_path / LEDGER_NAME, frozenset({"hotlists"}))]
    words = [[one[0] for one in word.lists] for word in named if isinstance(word, HotListsInForce)]
    assert (hits, words) == (["county-stolen"], [[], ["county-stolen"]])


def test_the_report_needs_nothing_else(out: Path) -> None:
    page = (out / "report.html").read_text()
    for outside in ("http:", "https:", "<script", "<link", "url(", "@import", "<iframe"):
        assert outside not in page


def test_the_report_escapes_what_it_did_not_write(out: Path) -> None:
    page = (out / "report.html").read_text()
    assert "&lt;B&gt;&amp;1" in page
    assert "<B>" not in page


def test_the_report_gives_reasons_in_plain_words(out: Path) -> None:
    page = (out / "report.html").read_text()
    assert "The agency owns this camera." in page
    assert "deny_" not in page
    assert "allow_" not in page


def test_the_report_shows_a_crop_of_every_plate(out: Path) -> None:
    assert (out / "report.html").read_text().count("data:image/jpeg;base64,") == 3


def test_a_marked_video_has_every_frame_and_its_plates_marked(pictures: Path, tmp_path: Path) -> None:
    replayed(pictures, tmp_path / "out", tmp_path / "marked.mp4")
    recording = open_recording(tmp_path / "marked.mp4", camera_id="c", start=START)
    frames = list(recording.frames())
    assert len(frames) == 60
    before = cv2.imread(str(pictures / "frame40.png"))
    # The standing plate's text is written above it, where the drawn scene is one flat colour.
    assert cv2.absdiff(frames[40].pixels, before)[60:98, 80:200].max() > 60
    assert (tmp_path / "marked.mp4").stat().st_mode & 0o777 == 0o600


def test_a_marked_video_is_not_written_over_another(tmp_path: Path) -> None:
    (tmp_path / "mine.mp4").write_text("mine")
    with pytest.raises(HomeruleError, match="is there already"):
        AnnotatedVideo(tmp_path / "mine.mp4", frames_per_second=10)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.mp4"]
