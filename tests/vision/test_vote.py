"""What several looks agree on."""

from datetime import timedelta

import numpy as np

from edge.vision.reader import Reading
from edge.vision.texts import align, differences
from edge.vision.vote import KEPT_READINGS, KEPT_TEXTS, Ballot
from tests.vision.scene import START


def ballot(*looks: tuple[str, float, float]) -> Ballot:
    """A ballot of (text, confidence of every character, width in pixels)."""
    cast = Ballot()
    for number, (text, sure, width) in enumerate(looks):
        at = START + timedelta(seconds=number)
        cast.add(Reading(text=text, confidences=(sure,) * len(text)), width=width, sharpness=10.0, at=at)
    return cast


def winner(*looks: tuple[str, float, float]) -> str:
    vote = ballot(*looks).result()
    assert vote is not None
    return vote.text


def test_most_looks_win() -> None:
    assert winner(("AB12345", 0.9, 80), ("AB12345", 0.9, 80), ("A812345", 0.9, 80)) == "AB12345"


def test_each_character_is_voted_on_its_own() -> None:
    assert winner(("AB1234S", 0.9, 80), ("A812345", 0.9, 80), ("AB12345", 0.9, 80), ("AB1Z345", 0.9, 80)) == "AB12345"


def test_a_large_plate_outvotes_two_small_ones() -> None:
    assert winner(("A812345", 0.9, 40), ("A812345", 0.9, 40), ("AB12345", 0.9, 120)) == "AB12345"


def test_a_sure_look_outvotes_two_unsure_ones() -> None:
    assert winner(("A812345", 0.6, 80), ("A812345", 0.6, 80), ("AB12345", 0.98, 80)) == "AB12345"


def test_the_length_is_voted_before_the_characters() -> None:
    assert winner(("AB12345", 0.9, 80), ("B12345", 0.9, 80), ("AB12345", 0.9, 80)) == "AB12345"


def test_a_look_without_text_does_not_vote() -> None:
    cast = ballot(("", 0.0, 80), ("AB12345", 0.9, 80))
    vote = cast.result()
    assert cast.readings == 1
    assert vote is not None
    assert vote.agreement > 0.89


def test_no_look_no_text() -> None:
    assert Ballot().result() is None


def test_disagreement_lowers_the_confidence_at_its_place_only() -> None:
    vote = ballot(("AB12345", 0.9, 80), ("A812345", 0.9, 80), ("AB12345", 0.9, 80)).result()
    assert vote is not None
    assert abs(vote.lowest_character_confidence - 0.6) < 1e-6
    assert vote.agreement > 0.84


def test_a_look_that_reads_one_character_more_still_supports_the_others() -> None:
    vote = ballot(("AB12345", 0.9, 80), ("AB12345", 0.9, 80), ("1AB12345", 0.9, 80)).result()
    assert vote is not None
    assert vote.text == "AB12345"
    assert abs(vote.lowest_character_confidence - 0.7) < 1e-6
    assert vote.agreement > 0.85


def test_looks_that_have_nothing_in_common_leave_no_confidence() -> None:
    vote = ballot(("AB12345", 0.9, 80), ("XY98760", 0.9, 80), ("ZZTOP", 0.9, 80)).result()
    assert vote is not None
    assert vote.confidence < 0.5


def test_when_and_how_often_a_text_was_read_is_told_without_what_was_read_before() -> None:
    cast = ballot(("SIGN", 0.5, 40), ("SIGN", 0.5, 40), ("AB12345", 0.9, 80), ("A812345", 0.9, 80))
    span = cast.span("AB12345")
    assert span is not None
    assert (span.first - START, span.last - START, span.readings) == (timedelta(seconds=2), timedelta(seconds=3), 2)


def test_characters_are_aligned_with_the_fewest_edits() -> None:
    assert align("AB12345", "AB12345") == [0, 1, 2, 3, 4, 5, 6]
    assert align("AB12345", "1AB12345") == [1, 2, 3, 4, 5, 6, 7]
    assert align("AB12345", "AB2345") == [0, 1, None, 2, 3, 4, 5]


def test_a_ballot_does_not_grow_for_ever() -> None:
    cast = ballot(*[("AB12345", 0.9, 80)] * 5, *[("XXXXXXX", 0.5, 30)] * 500)
    assert len(cast._weighed) == KEPT_READINGS
    assert cast.readings == 505
    assert winner(*[("AB12345", 0.9, 80)] * 5, *[("XXXXXXX", 0.5, 30)] * 500) == "AB12345"


def test_only_so_many_texts_are_remembered() -> None:
    cast = ballot(*[(f"AB{number:05}", 0.9, 80.0) for number in range(KEPT_TEXTS + 50)])
    assert len(cast._spans) == KEPT_TEXTS


def test_look_alikes_do_not_count_as_differences() -> None:
    assert differences("PAROBD1", "PAR08DI") == 0
    assert differences("AB12345", "AB12346") == 1
    assert differences("AB12345", "B12345") == 1
    assert differences("AB12345", "XY98760") == 7


def test_a_plate_is_not_in_the_representation_of_a_vote() -> None:
    assert "AB12345" not in repr(ballot(("AB12345", 0.9, 80)).result())
    assert "AB12345" not in repr(Reading(text="AB12345", confidences=(0.9,)))


def test_what_every_look_takes_for_possible_beats_what_each_takes_for_likeliest() -> None:
    signs = "ABCX"
    cast = Ballot()
    for number, first in enumerate("ABC"):
        row = np.array([[0.45 if sign == first else 0.40 if sign == "X" else 0.01 for sign in signs]], np.float32)
        reading = Reading(text=first, confidences=(0.45,), signs=signs, chances=row)
        cast.add(reading, width=80, sharpness=10.0, at=START + timedelta(seconds=number))
    vote = cast.result()
    assert vote is not None
    assert vote.text == "X"


def test_a_sharp_look_outvotes_a_blurred_one() -> None:
    cast = Ballot()
    for text, sharpness in (("A812345", 4.0), ("AB12345", 12.0)):
        cast.add(Reading(text=text, confidences=(0.9,) * 7), width=80, sharpness=sharpness, at=START)
    vote = cast.result()
    assert vote is not None
    assert vote.text == "AB12345"


def test_the_confidence_is_the_chance_of_the_whole_text_and_not_the_mean_of_its_characters() -> None:
    one_doubt = ballot(("AB12345", 0.99, 80), ("A812345", 0.99, 80), ("AB12345", 0.99, 80)).result()
    no_doubt = ballot(*[("AB12345", 0.99, 80)] * 3).result()
    assert one_doubt is not None
    assert no_doubt is not None
    assert one_doubt.confidence < one_doubt.agreement < no_doubt.confidence
