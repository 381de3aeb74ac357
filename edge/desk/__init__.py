"""The desk: the files that people write, read whole, edited in place, signed and verified. Policy itself is next door.

A folder holds policy.toml, subscribers.toml, laws/ID.toml, hotlists/ID.toml or .csv, manifest.json, manifest.sig. Every
write is a new file put in place by one rename, so that a reader never sees half of one.
"""

from edge.desk.city import City, Turned
from edge.desk.edit import SWITCHES, opt_in, opt_out, switch_named, switches, ways
from edge.desk.examples import copy_examples, examples
from edge.desk.folder import closed_further, hotlists, load, open_bundle, read, take_up
from edge.desk.follow import verify
from edge.desk.init import Answers, init
from edge.desk.laws import law_text, pack_for
from edge.desk.pin import rotate
from edge.desk.refused import Refused
from edge.desk.sign import sign

__all__ = [
    "SWITCHES",
    "Answers",
    "City",
    "Refused",
    "Turned",
    "closed_further",
    "copy_examples",
    "examples",
    "hotlists",
    "init",
    "law_text",
    "load",
    "open_bundle",
    "opt_in",
    "opt_out",
    "pack_for",
    "read",
    "rotate",
    "sign",
    "switch_named",
    "switches",
    "take_up",
    "verify",
    "ways",
]
