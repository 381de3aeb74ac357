"""PURE: topic names. They say which device and which subscriber, and nothing about a read.

homerule/v1/<device>/to/<subscriber>/read     a sealed read
homerule/v1/<device>/from/<subscriber>/ack    that subscriber's acknowledgement
homerule/v1/<device>/status                   how the device stands
homerule/v1/<device>/checkpoint               the signed checkpoint of its audit log
homerule-test/v1/...                          the same for test data, which never reaches the first tree
"""

import re

from edge.errors import EnvelopeError

NAME = re.compile(r"[a-z0-9-]{1,64}")
"""What the id of a device or subscriber is made of."""


def read_topic(device_id: str, subscriber_id: str, *, test: bool) -> str:
    """Where sealed reads for one subscriber go; EnvelopeError for an id that is no topic level of ours."""
    return f"{_tree(test)}/{_name(device_id)}/to/{_name(subscriber_id)}/read"


def read_filter(device_id: str | None, subscriber_id: str, *, test: bool) -> str:
    """What a subscriber subscribes to: its own topic at one device, or at every device when `device_id` is None."""
    return f"{_tree(test)}/{'+' if device_id is None else _name(device_id)}/to/{_name(subscriber_id)}/read"


def ack_topic(device_id: str, subscriber_id: str, *, test: bool) -> str:
    """Where one subscriber acknowledges; EnvelopeError for an id that is no topic level of ours."""
    return f"{_tree(test)}/{_name(device_id)}/from/{_name(subscriber_id)}/ack"


def ack_filter(device_id: str, *, test: bool) -> str:
    """What a device subscribes to: the acknowledgements of all its subscribers."""
    return f"{_tree(test)}/{_name(device_id)}/from/+/ack"


def reads_filter(device_id: str, *, test: bool) -> str:
    """What a device publishes on: the reads for all its subscribers."""
    return f"{_tree(test)}/{_name(device_id)}/to/+/read"


def status_topic(device_id: str, *, test: bool) -> str:
    """Where a device says how it stands; EnvelopeError for an id that is no topic level of ours."""
    return f"{_tree(test)}/{_name(device_id)}/status"


def checkpoint_topic(device_id: str, *, test: bool) -> str:
    """Where a device shows the newest checkpoint of its audit log; EnvelopeError as above."""
    return f"{_tree(test)}/{_name(device_id)}/checkpoint"


def notice_filters(device_id: str | None, *, test: bool) -> tuple[str, str]:
    """What a subscriber subscribes to besides its reads: status and checkpoint of one device, or of all when None."""
    device = "+" if device_id is None else _name(device_id)
    return f"{_tree(test)}/{device}/status", f"{_tree(test)}/{device}/checkpoint"


def acknowledging(topic: str) -> str | None:
    """The subscriber that acknowledges on `topic`, or None. The broker lets nobody else publish there."""
    match topic.split("/"):
        case ["homerule" | "homerule-test", "v1", _, "from", subscriber_id, "ack"] if NAME.fullmatch(subscriber_id):
            return subscriber_id
        case _:
            return None


def _tree(test: bool) -> str:
    return "homerule-test/v1" if test else "homerule/v1"


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise EnvelopeError(f"`{text}` cannot stand in a topic, use 1 to 64 of a-z, 0-9 and -")
    return text
