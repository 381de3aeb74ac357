"""PURE: what entries and codes of the log say to a person, in a sentence; a code that is not known is said as it is."""

from edge.ledger.entries import (
    BundleAccepted,
    BundleRefused,
    Entry,
    Exported,
    Held,
    HoldEnded,
    Pinned,
    Pruned,
    SubscriberChanged,
    Switch,
    Tightened,
)
from edge.policy.reasons import sentence

_WAYS = {
    "file": "by hand, in the file",
    "time": "by the passing of time",
    "sighup": "on a signal",
    "first-policy": "by the first policy",
}
_REFUSALS = {
    "unreadable": "it could not be read",
    "signature": "it was not the city's signature",
    "not-signed": "it was not signed",
    "gives": "it gave a right and was not signed",
    "older": "it was older than what was in force",
    "same-version": "it had the number of what was in force, and other bytes",
    "undated": "it did not say when it was signed",
    "device": "it was for another device",
    "ledger": "it did not name this audit log",
    "pin": "the pinned key was missing or another one",
    "floor": "the audit log was not the newest",
    "stored": "the program could not read what was in force",
    "unfit": "this device cannot use it",
}
_SWITCHES = {
    "national-lookup": "National Lookup",
    "statewide-lookup": "Statewide Lookup",
    "out-of-state": "Agencies of other states",
    "federal": "Federal agencies",
    "private": "Private parties",
    "foreign": "Agencies abroad",
}
_STRETCHES = {
    "not-running": "The program was not running.",
    "crash": "The program ended without a word, as after a loss of power.",
    "silence": "The program said that it ran, and wrote nothing.",
    "missing-entries": "Entries of the log are not here.",
    "ledger": "The log could not be written, so nothing was recorded and nothing shared.",
    "models": "The models did not read.",
    "alarm:collection": "The law did not let the device collect: no vehicle that went by was read.",
    "before": "This is before the log begins.",
    "after": "This is after the log ends.",
    "clock-untrusted": "The clock could not be trusted: only the owner was served, and times may be wrong.",
    "clock-step": "The clock was moved.",
    "held": "The policy files could not be taken up: only the owner was served.",
}
_CAMERA = {
    "not-reached": "could not be reached",
    "refused-login": "refused the login",
    "stalled": "sent no pictures",
    "ended": "ended its stream",
    "changed-size": "changed the size of its pictures",
    "garbage": "sent damaged pictures",
    "frozen": "showed a frozen picture",
    "black": "showed a black picture",
}
_WHYS = {
    "nobody": "nothing vouched for it",
    "disk-full": "the disk was full",
    "model-error": "a model failed",
    "apply": "the rights at the broker could not be set",
}
_LAPSES = {
    "expired": "ran out",
    "revoked": "was revoked or suspended",
    "removed": "was taken out of the registry",
}


def said(entry: Entry) -> str | None:
    """What an entry about policy, agencies or keys says; None for any other."""
    match entry:
        case BundleAccepted(version=version, revision=revision, digest=digest, signed=signed):
            return f"version {version}.{revision} in force, {signature(signed, revision)}; digest {digest}"
        case BundleRefused(version=version, why=why):
            what = f"version {version}" if version else "a change of the files"
            return f"{what} refused: {_REFUSALS.get(why, why)}"
        case Tightened(by=by):
            return f"needs no signature, because it only takes away ({way(by)})"
        case Switch(switch=switch, before=before, after=after, by=by):
            return f"{switch}: {before} -> {after} ({way(by)})"
        case SubscriberChanged(subscriber=subscriber, change=change, by=by):
            return f"agency {subscriber}: {change} ({way(by)})"
        case Pinned(key=key):
            return f"the city's key is {key} from here on"
        case Exported(first=first, last=last, sha256=sha256):
            return f"entries {first} to {last - 1} were exported, archive {sha256}"
        case Pruned(first=first, last=last, archives=archives):
            return f"entries {first} to {last - 1} may be gone from here on; held by {', '.join(archives)}"
        case Held(why=why):
            return f"on hold, only the owner is served: {why}"
        case HoldEnded():
            return "the hold is over"
    return None


def signature(signed: int | bool, revision: int) -> str:
    """Whose word a bundle rests on."""
    return "closed further by hand" if revision else "signed by the city" if signed else "signed by nobody"


def way(by: str) -> str:
    """By which way a change came."""
    return _WAYS.get(by, f"through the {by}".replace(", uid", ", by user") if by.startswith("socket") else f"by {by}")


def because(code: str) -> str:
    """A reason's sentence."""
    try:
        return sentence(code)
    except KeyError:
        return code


def switch(name: str) -> str:
    """A switch, as a heading."""
    return _SWITCHES.get(name, name)


def stretch(what: str, why: str) -> str:
    """What a stretch of time was."""
    if what.startswith("camera:"):
        return f"The camera {what[7:]} {_CAMERA.get(why, why)}."
    if what.startswith("alarm:"):
        return _STRETCHES.get(what, f"An alarm stood: {what[6:]}.")
    if what.startswith("hotlist:"):
        return f"The hot list {what[8:]} was not at hand, so that no read was a hit on it."
    return _STRETCHES.get(what, what)


def why(what: str, why: str) -> str:
    """Why that was, where the stretch does not say it already."""
    told = what in ("not-running", "crash", "alarm:collection") or (what.startswith("camera:") and why in _CAMERA)
    told = told or (what.startswith("hotlist:") and why == "not-at-hand")
    return "" if told else _WHYS.get(why, why)


def first_read(of_id: bool) -> str:
    """What the first read to an agency was; `of_id`: and none was sent to its id before, under whatever name."""
    return "first read ever" if of_id else "first read under this name, kind or state"


def lapse(why: str) -> str:
    """How an agreement ended."""
    return _LAPSES.get(why, why)
