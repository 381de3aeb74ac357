"""What is sealed opens for its subscriber, and for nobody else, and not when a byte was changed."""

import base64
import dataclasses
import hashlib
import json
from datetime import timedelta

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import keys
from edge.delivery.envelope import BUCKETS, seal
from edge.delivery.wire import Kind, ReadFacts, Withdrawn, canonical
from edge.errors import EnvelopeError
from edge.values import Effect, Flag
from tests.delivery.reads import (
    BUNDLE,
    DEVICE,
    DEVICE_KEY,
    NEIGHBOUR,
    NOON,
    OWNER,
    PLATE,
    SEALING_KEY,
    TOKEN,
    hit,
    opened,
    sealed,
    shared,
    tagged,
    tags,
)

SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def resealed(
    change,
    *,
    header: dict | None = None,
    key: Ed25519PrivateKey = DEVICE_KEY,
    length: int | None = None,
    pad: bytes = b"\0",
):
    """A message whose body was changed before signing, as only a holder of `key` could make it."""
    clear, _, cipher = sealed(tags(hits=(hit(),))).payload.partition(b"\n")
    inside = SUITE.decrypt(cipher, SEALING_KEY, info=clear)
    body = json.loads(inside[68 : 68 + int.from_bytes(inside[:4], "big")])
    change(body)
    clear = canonical(json.loads(clear) | (header or {}))
    content = canonical(body)
    signature = key.sign(b"homerule read v1\n" + clear + b"\n" + content)
    size = len(content) if length is None else length
    inside = (size.to_bytes(4, "big") + signature + content).ljust(4096, pad)
    return clear + b"\n" + SUITE.encrypt(inside, SEALING_KEY.public_key(), info=clear)


def owned(of=None, **changes):
    """A sealed read for the owner, who may have the crop: the decision lays no obligation on it."""
    of = of or tags()
    arguments = {
        "device_id": DEVICE,
        "device_key": DEVICE_KEY,
        "hits": of.hits,
        "granted_until": NOON,
        "ack_token": TOKEN,
        "checkpoint": None,
    }
    decision = shared(of, OWNER, channel="owner", obligations=())
    return seal(tagged(of), decision, keys.public_text(SEALING_KEY), **(arguments | changes))


def test_a_read_arrives_as_it_was_read() -> None:
    facts = opened(sealed(tags(hits=(hit(),))).payload).body.data
    assert isinstance(facts, ReadFacts)
    assert (facts.plate, facts.confidence, facts.frames) == (PLATE, 0.93, 12)


def test_a_hit_arrives_with_its_list_entry_purpose_and_source() -> None:
    facts = opened(sealed(tags(hits=(hit(3),))).payload).body.data
    assert isinstance(facts, ReadFacts)
    assert facts.hits[0].model_dump() == {
        "list_id": "il-stolen",
        "entry_id": "entry-3",
        "purpose": "stolen_vehicle",
        "source_agency": "illinois-state-police",
    }


def test_a_hit_that_the_subscriber_may_not_be_told_of_stays_behind() -> None:
    facts = opened(sealed(tags(hits=(hit(1), hit(2))), hits=(hit(2),)).payload).body.data
    assert isinstance(facts, ReadFacts)
    assert [each.entry_id for each in facts.hits] == ["entry-2"]


def test_a_hit_that_the_read_does_not_have_is_never_sealed() -> None:
    with pytest.raises(EnvelopeError, match="does not have"):
        sealed(tags(hits=(hit(1),)), hits=(hit(2),))


def test_a_withdrawal_of_nothing_is_refused() -> None:
    with pytest.raises(EnvelopeError, match="names the read"):
        sealed(withdrawal=True)


def test_a_grant_without_end_lasts_as_long_as_retention() -> None:
    assert sealed(granted_until=None).expires_at == tags().retain_until.replace(microsecond=123000)


def test_the_body_is_a_cloudevent_about_the_camera() -> None:
    body = opened(sealed().payload).body
    assert (body.specversion, body.source, body.type, body.subject) == ("1.0", f"homerule/{DEVICE}", Kind.READ, "north")


def test_the_message_id_joins_read_and_subscriber() -> None:
    assert opened(sealed().payload).message_id == f"{tags().read_id}.{NEIGHBOUR}" == sealed().message_id


def test_obligations_arrive_one_by_one() -> None:
    assert opened(sealed().payload).obligations == ("hit_only", "no_image")


def test_the_checkpoint_arrives_byte_for_byte() -> None:
    note = "homerule/x/y\n7\nAAAA\n\n\u2014 homerule/x/y BBBB\n"
    assert opened(sealed(checkpoint=note).payload).checkpoint == note


def test_a_read_without_a_checkpoint_opens() -> None:
    assert opened(sealed(checkpoint=None).payload).checkpoint is None


def test_the_token_is_inside_and_only_its_digest_outside() -> None:
    envelope = sealed()
    assert opened(envelope.payload).body.acktoken == TOKEN
    assert envelope.ack_digest == hashlib.sha256(TOKEN.encode()).digest()
    assert TOKEN not in repr(dataclasses.replace(envelope, payload=b""))


def test_the_clear_part_holds_no_more_than_the_header() -> None:
    clear = sealed(tags(hits=(hit(),))).payload.partition(b"\n")[0]
    assert json.loads(clear) == {
        "v": 1,
        "device": DEVICE,
        "subscriber": NEIGHBOUR,
        "key": keys.key_id(SEALING_KEY),
        "bundle": BUNDLE,
    }


def test_no_plate_in_topic_header_payload_or_repr() -> None:
    envelope = sealed()
    seen = repr(envelope).encode() + envelope.topic.encode() + envelope.header + envelope.payload
    assert PLATE.encode() not in seen
    assert PLATE not in repr(opened(envelope.payload))
    assert tags().read_id.encode() not in envelope.payload


def test_an_envelope_is_good_until_retention_ends_when_the_grant_lasts_longer() -> None:
    of = tags(retain_until=NOON + timedelta(hours=1))
    assert sealed(of).expires_at == (NOON + timedelta(hours=1)).replace(microsecond=123000)


def test_an_envelope_is_good_until_the_grant_ends_when_that_is_sooner() -> None:
    assert sealed(granted_until=NOON.replace(microsecond=0)).expires_at == NOON.replace(microsecond=0)


@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, 2**16), flip=st.integers(1, 255))
def test_a_single_changed_byte_is_refused(place: int, flip: int) -> None:
    payload = bytearray(sealed().payload)
    payload[place % len(payload)] ^= flip
    with pytest.raises(EnvelopeError):
        opened(bytes(payload))


def test_every_changed_byte_of_the_clear_header_is_refused() -> None:
    payload = sealed().payload
    for place in range(payload.index(b"\n") + 1):
        changed = payload[:place] + bytes([payload[place] ^ 1]) + payload[place + 1 :]
        with pytest.raises(EnvelopeError):
            opened(changed)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=3000))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(EnvelopeError):
        opened(noise)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_noise_behind_a_true_header_is_refused(noise: bytes) -> None:
    with pytest.raises(EnvelopeError, match="does not open"):
        opened(sealed().header + b"\n" + noise)


def test_another_subscribers_key_does_not_open_it() -> None:
    with pytest.raises(EnvelopeError, match="sealed to another key"):
        opened(sealed().payload, sealing_key=X25519PrivateKey.generate())


def test_a_header_that_names_the_wrong_key_does_not_help_its_holder() -> None:
    other = X25519PrivateKey.generate()
    clear, _, cipher = sealed().payload.partition(b"\n")
    forged = canonical(json.loads(clear) | {"key": keys.key_id(other)})
    with pytest.raises(EnvelopeError, match="does not open"):
        opened(forged + b"\n" + cipher, sealing_key=other)


def test_the_seal_is_bound_to_the_header() -> None:
    clear, _, cipher = sealed().payload.partition(b"\n")
    with pytest.raises(InvalidTag):
        SUITE.decrypt(cipher, SEALING_KEY, info=clear + b" ")


def test_a_changed_header_does_not_open() -> None:
    clear, _, cipher = sealed().payload.partition(b"\n")
    with pytest.raises(EnvelopeError, match="does not open"):
        opened(canonical(json.loads(clear) | {"bundle": "cd" * 32}) + b"\n" + cipher)


def test_a_message_for_another_subscriber_is_refused() -> None:
    with pytest.raises(EnvelopeError, match="another subscriber"):
        opened(sealed(subscriber_id=OWNER).payload)


def test_a_message_from_another_device_is_refused() -> None:
    with pytest.raises(EnvelopeError, match="another device"):
        opened(sealed(device_id="oak-street-2").payload)


def test_a_read_signed_by_another_key_is_refused() -> None:
    with pytest.raises(EnvelopeError, match="not signed by the expected device key"):
        opened(sealed(device_key=Ed25519PrivateKey.generate()).payload)


def test_an_expired_read_is_refused() -> None:
    with pytest.raises(EnvelopeError, match="expired at"):
        opened(sealed().payload, now=NOON + timedelta(hours=24))


def test_a_test_message_is_refused_in_production() -> None:
    with pytest.raises(EnvelopeError, match="test message in production"):
        opened(sealed(tags(test=True)).payload)


def test_a_production_message_is_refused_in_test_mode() -> None:
    with pytest.raises(EnvelopeError, match="production message in test mode"):
        opened(sealed().payload, test=True)


def test_a_test_message_has_its_own_topic_tree() -> None:
    assert sealed(tags(test=True)).topic == f"homerule-test/v1/{DEVICE}/to/{NEIGHBOUR}/read"
    assert sealed().topic == f"homerule/v1/{DEVICE}/to/{NEIGHBOUR}/read"


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("device", "oak-street-2", "device"),
        ("source", "homerule/oak-street-2", "source"),
        ("subscriber", OWNER, "subscriber"),
        ("sealkey", "0" * 16, "key"),
        ("bundledigest", "cd" * 32, "bundle"),
        ("id", f"read.{OWNER}", "id"),
    ],
)
def test_a_signed_body_that_contradicts_its_header_is_refused(field: str, value: str, named: str) -> None:
    with pytest.raises(EnvelopeError, match=f"do not agree on `{named}`"):
        opened(resealed(lambda body: body.update({field: value})))


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.update(extra=PLATE),
        lambda body: body.update({PLATE: 1}),
        lambda body: body["data"].update({PLATE: 1}),
        lambda body: body.pop("retainuntil"),
        lambda body: body.update(test=0),
        lambda body: body.update(expiresat="2026-06-01T12:00:00"),
        lambda body: body.update(type="org.homerule.read.v2"),
        lambda body: body.update(type=Kind.CORRECTION.value),
        lambda body: body.update(type=Kind.WITHDRAWAL.value),
        lambda body: body["data"].update(confidence=1.5),
        lambda body: body["data"].update(plate=""),
        lambda body: body.update(checkpoint="/w=="),
        lambda body: body.update(checkpoint="A"),
    ],
)
def test_a_signed_body_of_another_shape_is_refused_without_telling_its_content(change) -> None:
    with pytest.raises(EnvelopeError) as refused:
        opened(resealed(change))
    assert PLATE not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("length", [0, 1, 4096, 2**32 - 1])
def test_a_length_that_does_not_fit_is_refused(length: int) -> None:
    with pytest.raises(EnvelopeError):
        opened(resealed(lambda body: None, length=length))


def test_padding_that_hides_something_is_refused() -> None:
    with pytest.raises(EnvelopeError, match="not laid out"):
        opened(resealed(lambda body: None, pad=b"x"))


def test_an_unchanged_body_sealed_again_opens() -> None:
    assert opened(resealed(lambda body: None)).message_id == sealed().message_id


def test_reads_without_a_crop_have_one_size_whatever_the_plate() -> None:
    sizes = {len(seal_of(text)) for text in ("1", "AB 12", "ABCDEFG12345")}
    assert len(sizes) == 1


def seal_of(text: str) -> bytes:
    of = tags()
    return seal(
        tagged(of, text=text),
        shared(of),
        keys.public_text(SEALING_KEY),
        device_id=DEVICE,
        device_key=DEVICE_KEY,
        hits=(),
        granted_until=NOON + timedelta(days=1),
        ack_token=TOKEN,
        checkpoint=None,
    ).payload


@pytest.mark.parametrize("length", [10, 700, 5_000, 40_000])
def test_what_is_sealed_fills_a_bucket(length: int) -> None:
    envelope = owned(crop=b"\xff" * length)
    assert len(envelope.payload) - len(envelope.header) - 1 - 32 - 16 in BUCKETS


def test_a_crop_that_does_not_fit_is_refused() -> None:
    with pytest.raises(EnvelopeError, match="smaller plate crop"):
        owned(crop=b"\xff" * 60_000)


def test_a_crop_goes_to_nobody_but_the_owner() -> None:
    with pytest.raises(EnvelopeError, match="to the owner only"):
        sealed(crop=b"jpeg")


def test_a_flag_keeps_the_crop_from_the_owner_too() -> None:
    with pytest.raises(EnvelopeError, match="to the owner only"):
        owned(tags(flags=frozenset({Flag.NO_IMAGE})), crop=b"jpeg")


def test_a_withheld_read_is_never_sealed() -> None:
    of = tags()
    decision = shared(of, effect=Effect.WITHHOLD, channel=None)
    with pytest.raises(EnvelopeError, match="never sealed"):
        seal(
            tagged(of),
            decision,
            keys.public_text(SEALING_KEY),
            device_id=DEVICE,
            device_key=DEVICE_KEY,
            hits=(),
            granted_until=NOON,
            ack_token=TOKEN,
            checkpoint=None,
        )


def test_a_corrected_read_says_which_one_it_replaces() -> None:
    body = opened(sealed(tags(replaces="earlier")).payload).body
    assert (body.type, body.data.replaces) == (Kind.CORRECTION, "earlier")


def test_a_withdrawal_does_not_tell_the_new_plate() -> None:
    body = opened(sealed(tags(replaces="earlier"), withdrawal=True).payload).body
    assert body.type is Kind.WITHDRAWAL
    assert body.data == Withdrawn(replaces="earlier")


def test_sealing_the_same_read_twice_gives_different_bytes() -> None:
    assert sealed().payload != sealed().payload


def test_a_key_that_shares_its_secret_with_everybody_is_refused() -> None:
    of = tags()
    arguments = {"device_id": DEVICE, "device_key": DEVICE_KEY, "granted_until": None, "ack_token": TOKEN}
    with pytest.raises(EnvelopeError, match="no usable key"):
        seal(tagged(of), shared(of), base64.b64encode(bytes(32)).decode(), hits=(), checkpoint=None, **arguments)
