"""Agencies whom no rule can tell apart: one of them is decided about, and all get the same answer.

Everything is kept of an agency that a rule may look at; only names are blanked, and the places where rules use an id
(the owner, the two lists of names) are compared by themselves.
"""

from collections.abc import Mapping
from dataclasses import replace

from edge.policy.policy import Policy
from edge.policy.subscribers import Subscriber


def alike(written: Policy, registry: Mapping[str, Subscriber]) -> tuple[tuple[str, ...], ...]:
    """The ids of the registry in groups; within a group every decision differs by the id alone."""
    groups: dict[object, list[str]] = {}
    for name, subscriber in registry.items():
        named = (
            name == written.owner.subscriber,
            name in written.sharing.direct,
            name in written.sharing.full_feed,
        )
        groups.setdefault((named, _nameless(subscriber)), []).append(name)
    return tuple(tuple(group) for group in groups.values())


def _nameless(subscriber: Subscriber) -> Subscriber:
    return replace(
        subscriber,
        id="",
        name="",
        agency_id="",
        certificate_name=None,
        sealing_key=None if subscriber.sealing_key is None else "",
        members=tuple(_nameless(member) for member in subscriber.members),
        agreements=tuple(replace(one, id="", signed_by="", document_sha256="") for one in subscriber.agreements),
    )
