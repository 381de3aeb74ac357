"""The part of the report that shows the policy in force, in the words of policy.toml and plain ones."""

from html import escape

from edge.policy.policy import Closed, Federal, OutOfState, Sharing
from edge.policy.spans import span
from edge.replay.rules import Rules

_IN_WORDS = {
    OutOfState.NEVER: "never",
    OutOfState.LISTED_STATES: "of some states, under an agreement in force: ",
    OutOfState.AGREEMENT: "under an agreement in force",
    Federal.NEVER: "never",
    Federal.JUDICIAL_WARRANT: "under a judge's warrant",
    Closed.NEVER: "never",
}


def policy_section(rules: Rules) -> str:
    """The section `Policy in force`."""
    bundle = rules.bundle
    policy, place = bundle.policy, bundle.jurisdiction
    where = ", ".join(escape(part) for part in (place.place, place.state) if part)
    owner = bundle.subscribers[bundle.owner].name if bundle.owner in bundle.subscribers else bundle.owner
    switches = "".join(_switch(name, is_open) for name, is_open in sorted(policy.channels.items()))
    sharing = policy.sharing
    classes = (
        ("Agencies of other states", _IN_WORDS[sharing.out_of_state] + _states(sharing)),
        ("Federal agencies", _IN_WORDS[sharing.federal]),
        ("Private parties", _IN_WORDS[sharing.private]),
        ("Banned purposes", ", ".join(sorted(one.value.replace("_", " ") for one in bundle.banned)) or "none"),
        ("Law packs", ", ".join(pack.id for pack in bundle.packs) or "none"),
        ("Reviewed by", policy.law.reviewed_by or "nobody yet"),
        ("Unsent reads are deleted after", span(bundle.ceiling)),
        ("Valid until", f"{bundle.valid_until:%Y-%m-%d %H:%M} UTC"),
        ("Signature", "signed by the city" if bundle.signed else "not signed: good for replay only"),
    )
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(words)}</td></tr>" for name, words in classes)
    return (
        f"<section><h2>Policy in force</h2><p>{where} · owner {escape(owner)} · {escape(rules.said)}</p>"
        f'<div class="switches">{switches}</div><table class="plain">{rows}</table>'
        f'<p class="digest">bundle <code>{bundle.digest}</code>, version {bundle.version}.{bundle.revision}</p>'
        "</section>"
    )


def _states(sharing: Sharing) -> str:
    return ", ".join(sharing.states) or "none" if sharing.out_of_state is OutOfState.LISTED_STATES else ""


def _switch(channel: str, is_open: bool) -> str:
    state, words = ("on", "on") if is_open else ("off", "off: the opt-out")
    return f'<div class="switch {state}"><i></i>{escape(channel.replace("-", " "))} <b>{words}</b></div>'
