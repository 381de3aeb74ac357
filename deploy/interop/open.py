"""A second receiver, from the page beside it alone: nothing of Homerule is imported, and HPKE is spelled out.

python open.py vectors.json      opens and refuses every message of the file, and says which one it takes otherwise

Meant to be read next to a receiver in another language. It opens; storing and acknowledging are told in README.md.
"""

import base64
import hashlib
import hmac
import json
import sys
from datetime import datetime

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEM_SUITE = b"KEM" + (0x0020).to_bytes(2, "big")
HPKE_SUITE = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in (0x0020, 0x0001, 0x0002))
BUCKETS = (4096, 16384, 65536)
REPEATED = {"device": "device", "subscriber": "subscriber", "key": "sealkey", "bundle": "bundledigest"}


class Refused(Exception):
    """A message is not to be stored or acknowledged; the text is the check that failed, as in the vectors."""


def extract(suite: bytes, salt: bytes, label: bytes, material: bytes) -> bytes:
    """RFC 9180, LabeledExtract."""
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + material, "sha256")


def expand(suite: bytes, key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    """RFC 9180, LabeledExpand, for at most 32 bytes."""
    said = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(key, said + b"\x01", "sha256")[:length]


def unseal(sealed: bytes, private: bytes, info: bytes) -> bytes:
    """RFC 9180, single shot, base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM."""
    ours, theirs = X25519PrivateKey.from_private_bytes(private), sealed[:32]
    shared = ours.exchange(X25519PublicKey.from_public_bytes(theirs))
    context = theirs + ours.public_key().public_bytes_raw()
    secret = expand(KEM_SUITE, extract(KEM_SUITE, b"", b"eae_prk", shared), b"shared_secret", context, 32)
    schedule = b"\x00" + extract(HPKE_SUITE, b"", b"psk_id_hash", b"") + extract(HPKE_SUITE, b"", b"info_hash", info)
    secret = extract(HPKE_SUITE, secret, b"secret", b"")
    key = expand(HPKE_SUITE, secret, b"key", schedule, 32)
    nonce = expand(HPKE_SUITE, secret, b"base_nonce", schedule, 12)
    return AESGCM(key).decrypt(nonce, sealed[32:], b"")


def opened(
    message: bytes, topic: str, *, private: bytes, device_key: bytes, subscriber: str, now: datetime, test: bool
) -> dict:
    """The body of a message, or Refused. The checks stand in the order of the page."""
    header, gap, sealed = message.partition(b"\n")
    try:
        clear = json.loads(header)
        whole = bool(gap) and len(header) <= 1024 and clear.keys() == {"v", *REPEATED} and clear["v"] == 1
    except (ValueError, AttributeError):
        whole = False
    if not whole:
        raise Refused("header")
    if clear["subscriber"] != subscriber:
        raise Refused("subscriber")
    public = X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
    if clear["key"] != hashlib.sha256(public).hexdigest()[:16]:
        raise Refused("key")
    try:
        inside = unseal(sealed, private, header)
    except (InvalidTag, ValueError):
        raise Refused("seal") from None
    length = int.from_bytes(inside[:4], "big")
    signature, body, rest = inside[4:68], inside[68 : 68 + length], inside[68 + length :]
    if len(inside) not in BUCKETS or not length or len(body) != length or any(rest):
        raise Refused("layout")
    try:
        Ed25519PublicKey.from_public_bytes(device_key).verify(signature, b"homerule read v1\n" + header + b"\n" + body)
    except InvalidSignature:
        raise Refused("signature") from None
    return checked(json.loads(body), clear, topic, now=now, test=test)


def checked(said: dict, clear: dict, topic: str, *, now: datetime, test: bool) -> dict:
    """What the device signed, against the header, the mode, the clock and the topic."""
    same = all(clear[outer] == said[inner] for outer, inner in REPEATED.items())
    if (
        not same
        or said["source"] != f"homerule/{clear['device']}"
        or not said["id"].endswith(f".{clear['subscriber']}")
    ):
        raise Refused("agreement")
    if said["test"] is not test:
        raise Refused("test")
    until = min(datetime.fromisoformat(said[each]) for each in ("expiresat", "retainuntil"))
    if not test and now >= until:
        raise Refused("freshness")
    if topic != f"homerule{'-test' if test else ''}/v1/{clear['device']}/to/{clear['subscriber']}/read":
        raise Refused("topic")
    return said


def main() -> int:
    """Tries every vector; gives how many came out otherwise."""
    with open(sys.argv[1], encoding="ascii") as file:
        vectors = json.load(file)
    wrong = 0
    for one in vectors["messages"]:
        try:
            body = opened(
                base64.b64decode(one["message"]),
                one["topic"],
                private=bytes.fromhex(vectors["sealing_private_key"]),
                device_key=base64.b64decode(vectors["device_public_key"]),
                subscriber=vectors["subscriber"],
                now=datetime.fromisoformat(one["now"]),
                test=one["test"],
            )
            came, wanted = body, json.loads(one["body"]) if "body" in one else one["refused"]
        except Refused as refused:
            came, wanted = str(refused), one.get("refused")
        if came != wanted:
            wrong += 1
            print(f"{one['name']}: {came}")
    print(f"{len(vectors['messages']) - wrong} of {len(vectors['messages'])} as they should be")
    return wrong


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
