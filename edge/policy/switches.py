"""The sharing switches of a policy, each a word: the names under which the audit log and people speak of them."""

from edge.policy.bundle import Bundle


def switches(bundle: Bundle) -> dict[str, str]:
    """Every sharing switch as a word, by the name that a person gives it."""
    sharing = bundle.policy.sharing
    channels = {name: "on" if is_open else "off" for name, is_open in bundle.channels.items()}
    return {
        **channels,
        "out-of-state": sharing.out_of_state.value,
        "federal": sharing.federal.value,
        "private": sharing.private.value,
        "foreign": sharing.foreign.value,
    }
