"""The collection gate: whether the law lets an unattended roadside reader collect at all, before anything is shared.

Source of the rule: New Hampshire, whose readers are attended and on a vehicle (RSA 259:68-a, 236:130).
"""

from edge.policy.bundle import Bundle, law_file


def refusal(bundle: Bundle | None, exception: str | None, *, forbidden_by: int = 0) -> str | None:
    """Why this device may not collect under the bundle's law packs, with the mend; None: it may. Without a bundle there
    is no law to ask, only what forbade it before.

    `exception` is what the operator wrote into device.toml: the exception in the law that this device falls under.
    `forbidden_by` is the version of the newest bundle that the city has signed and that forbade it, 0 if none did: no
    bundle of before that, whoever puts it back, gives leave again.
    """
    if exception is not None and exception.strip():
        return None
    refused = [] if bundle is None else [pack for pack in bundle.packs if not pack.unattended_roadside]
    if not refused and forbidden_by and (bundle is None or bundle.version <= forbidden_by):
        here = "no policy is in force (`homerule check` says why)"
        if bundle is not None:
            here = f"version {bundle.version} is not newer"
        return (
            f"version {forbidden_by} of the policy, which the city has signed, does not let this device collect, and "
            f"{here}; if the law allows it again, sign with `homerule sign --version {forbidden_by + 1}`"
        )
    if not refused:
        return None
    cited = "; ".join(f"{law_file(pack.id)}: {pack.text.collection.citation}" for pack in refused)
    return (
        f"the law here does not let an unattended roadside reader collect ({cited}); if an exception in it fits this "
        'device, name it in device.toml: [device] collection_exception = "..."'
    )
