"""Logs in which everything happened that can, archives of them, and both verifiers' words on an archive."""

import sys
from base64 import b64encode
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from functools import cache
from io import StringIO
from pathlib import Path
from types import CodeType

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.audit.export import Export, export
from edge.audit.held import Held
from edge.audit.verify import verify_archive
from edge.keys import public_text
from edge.ledger import Ledger
from edge.ledger.entries import Gap, Opaque, Pinned, Start, Stop, Switch
from edge.ledger.fault import Fault
from edge.values import BundleFiles
from tests.ledger.builders import BUNDLE, KEY, HandClock, accept, decide, digest_of, record, tagged_read, token_of

SECOND_VERIFIER = Path(__file__).parents[2] / "deploy" / "verify_archive.py"
CITY = Ed25519PrivateKey.from_private_bytes(b"city" * 8)
ALL = ("a-pd", "b-pd", "c-so")


def signed(manifest: bytes, **files: bytes) -> BundleFiles:
    """A bundle that the city signed."""
    return BundleFiles(manifest=manifest, signature=CITY.sign(manifest), files={**BUNDLE.files, **files})


FIRST = signed(b'{"version":1}')
CLOSED = replace(
    FIRST,
    manifest=b'{"version":1,"by":"hand"}',
    signature=None,
    files={
        **FIRST.files,
        "tightened.json": b"{}",
        "signed/manifest.json": FIRST.manifest,
        "signed/manifest.sig": b64encode(FIRST.signature or b""),
    },
)


def begun(path: Path, clock: HandClock) -> Ledger:
    """A ledger with the city's key and first bundle in it."""
    ledger = Ledger.open(path, clock=clock, key=KEY, device="pole-7")
    if ledger.size == 1:
        ledger.note(Start(software="1.0", after="first"), Pinned(key=public_text(CITY)))
        accept(ledger, FIRST)
    return ledger


def some_reads(ledger: Ledger, clock: HandClock, count: int, files: BundleFiles = FIRST) -> None:
    """Reads that are sent, sent again, acknowledged, refused, run out, and corrected."""
    for number in range(count):
        shared = ["a-pd", "b-pd"][: number % 3]
        read_id = record(ledger, clock, ALL, shared, seconds=40 if number % 9 == 5 else 1e5, files=files)
        for row in (ledger.mark_sent(ledger.due(clock.at, limit=4)) if number % 4 else [])[: number % 5]:
            message_id = row.envelope.message_id
            ledger.acknowledge(row.envelope.subscriber_id, message_id, token_of(message_id) if number % 7 else "wrong")
        for row in ledger.due(clock.move(9), limit=1) if number % 30 == 11 else []:
            decision = decide(row.envelope.tags.read_id, [row.envelope.subscriber_id], [], files)[0]
            ledger.refuse(row, decision)
        if number % 20 == 3:
            fresh = clock.new_id()
            ledger.record(tagged_read(fresh, at=clock.at, replaces=read_id), decide(fresh, ALL, [], files), [])
        if number % 60 == 10:
            ledger.checkpoint()
        ledger.expire(clock.move(20))


def lived_in(path: Path, reads: int = 120) -> str:
    """Writes a log of everything that can happen; gives a checkpoint from its middle."""
    clock = HandClock()
    ledger = begun(path, clock)
    some_reads(ledger, clock, reads)
    drops = {"b-pd": ["opted_out"]}
    ledger.accept_bundle(CLOSED, digest=digest_of(CLOSED), version=1, revision=1, signed=False, drops=drops)
    ledger.note(Switch(switch="national_lookup", before="true", after="false", by="file"))
    held = ledger.checkpoint().note
    some_reads(ledger, clock, reads, CLOSED)
    ledger.note(Gap(what="camera:north-1", began=1, ended=2, why="stalled"))
    ledger.note(Opaque(kind="from-the-future", fields=(1, '\u2028 \u00e9 "x"')))
    accept(ledger, signed(b'{"version":2}', **{"laws/../\u00e9.toml": b"y"}), version=2)
    some_reads(ledger, clock, 3, signed(b'{"version":2}', **{"laws/../\u00e9.toml": b"y"}))
    ledger.note(Stop(why="asked"))
    ledger.checkpoint()
    ledger.close()
    return held


def archived(ledger: Path, out: Path, *, key: Ed25519PrivateKey = KEY, first: int = 0, last: int | None = None) -> Path:
    """An archive of a ledger, or of some of its entries."""
    found = Ledger.open(ledger, clock=HandClock(), key=key, device="pole-7")
    try:
        asked = {"since": "a day" if first else "", "until": "" if last is None else "another day"}
        export(Export(found.history, key, software="1.0", first=first, last=last, **asked), out)
    finally:
        found.close()
    return out


def faults(
    archive: Path, held: Sequence[str] = (), *, key: Ed25519PrivateKey = KEY, city: Ed25519PrivateKey | None = CITY
) -> list[Fault]:
    """What the program says of an archive."""
    return verify_archive(
        archive,
        device_key=key.public_key(),
        city_keys=[city.public_key()] if city is not None else [],
        held=[Held(note=note, where="held") for note in held],
    ).faults


@cache
def second_verifier() -> CodeType:
    """The page of the second verifier; Python takes longer to compile it than it takes to check a small archive."""
    return compile(SECOND_VERIFIER.read_bytes(), str(SECOND_VERIFIER), "exec")


def second_word(
    archive: Path, held: Sequence[str] = (), *, key: Ed25519PrivateKey = KEY, city: Ed25519PrivateKey | None = CITY
) -> str:
    """`ok`, or the first word that the second verifier says of an archive."""
    words = [str(SECOND_VERIFIER), str(archive)]
    for option, content in (
        ("--device-key", public_text(key)),
        *((("--city-key", public_text(city)),) if city is not None else ()),
        *(("--checkpoint", note) for note in held),
    ):
        path = archive.with_name(f"given-{len(words)}")
        path.write_text(content)
        words += [option, str(path)]
    said, argv = StringIO(), sys.argv
    try:
        sys.argv = words
        with redirect_stdout(said), redirect_stderr(said):
            exec(second_verifier(), {"__name__": "__main__", "__doc__": ""})
    except SystemExit as end:
        return str(end.code).split(":")[0].removeprefix("FAULT ")
    finally:
        sys.argv = argv
    return said.getvalue().split(":")[0]


def word(archive: Path, held: Sequence[str] = (), **keys: Ed25519PrivateKey | None) -> str:
    """`ok`, or the word for what is wrong, on which both verifiers must agree."""
    found = faults(archive, held, **keys)  # type: ignore[arg-type]
    mine = found[0].sort.value if found else "ok"
    other = second_word(archive, held, **keys)  # type: ignore[arg-type]
    assert mine == other, (found, other)
    return mine
