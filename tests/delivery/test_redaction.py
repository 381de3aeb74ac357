"""What a decision keeps coarse does not leave the device, in any field."""

import json
from datetime import timedelta

from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import given
from hypothesis import strategies as st

from edge import keys
from edge.delivery.envelope import seal
from edge.delivery.redaction import redacted
from edge.delivery.wire import ReadFacts
from edge.values import Envelope, Tags
from tests.delivery.reads import DEVICE, DEVICE_KEY, NOON, SEALING_KEY, TOKEN, opened, shared, tagged, tags

TAKEN = NOON + timedelta(minutes=17, seconds=43)


def sealed(of: Tags, *obligations: str) -> Envelope:
    return seal(
        tagged(of),
        shared(of, obligations=("no_image", *obligations)),
        keys.public_text(SEALING_KEY),
        device_id=DEVICE,
        device_key=DEVICE_KEY,
        hits=of.hits,
        granted_until=None,
        ack_token=TOKEN,
        checkpoint=None,
    )


def told(envelope: Envelope) -> str:
    """All that the subscriber can open, as text."""
    clear, _, cipher = envelope.payload.partition(b"\n")
    inside = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM).decrypt(cipher, SEALING_KEY, info=clear)
    return json.dumps(json.loads(inside[68 : 68 + int.from_bytes(inside[:4], "big")]))


def test_a_coarse_place_tells_the_state_and_neither_county_place_nor_camera() -> None:
    body = opened(sealed(tags(captured_at=TAKEN), "coarse_place").payload).body
    assert isinstance(body.data, ReadFacts)
    assert (body.data.jurisdiction.state, body.data.jurisdiction.county_fips) == ("US-IL", None)
    assert body.subject is None
    said = told(sealed(tags(), "coarse_place"))
    assert not any(word in said for word in ("17031", "Mount Prospect", "north"))


def test_a_coarse_time_tells_the_hour_and_no_minute_of_it() -> None:
    of = tags(captured_at=TAKEN, retain_until=TAKEN + timedelta(hours=24))
    body = opened(sealed(of, "coarse_time").payload).body
    assert isinstance(body.data, ReadFacts)
    times = {body.time, body.data.first_seen, body.data.best_seen, body.data.last_seen, body.retainuntil}
    assert {(at.minute, at.second, at.microsecond) for at in times} == {(0, 0, 0)}
    assert ":17:" not in told(sealed(of, "coarse_time"))


def test_without_redaction_the_times_are_told_to_the_millisecond() -> None:
    assert opened(sealed(tags(captured_at=TAKEN)).payload).body.time == TAKEN.replace(microsecond=123000)


def test_the_envelope_itself_keeps_the_whole_tags_to_decide_again() -> None:
    of = tags(captured_at=TAKEN)
    assert sealed(of, "coarse_time", "coarse_place").tags == of


@given(st.integers(0, 86_399_999_999), st.integers(1, 10**12))
def test_coarse_time_never_keeps_a_read_longer(after: int, kept: int) -> None:
    at = NOON + timedelta(microseconds=after)
    of = tags(captured_at=at, retain_until=at + timedelta(microseconds=kept))
    coarse = redacted(tagged(of), ["coarse_time"]).tags
    assert coarse.retain_until <= of.retain_until
    assert coarse.captured_at <= of.captured_at < coarse.captured_at + timedelta(hours=1)
    assert coarse.retain_until - coarse.captured_at == of.retain_until - of.captured_at
