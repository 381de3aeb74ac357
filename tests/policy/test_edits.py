"""Random edits of every key there is: what is taken without a signature never widens a decision."""

import copy
from datetime import timedelta
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from edge.errors import PolicyError
from edge.policy.tighten import tightens
from edge.values import Flag, Hit
from tests.policy.cities import GRADES, PURPOSES, REDACTIONS, cities, flags, hits, no_wider, shared
from tests.policy.city import NOW, Table, bundle_of, merged, taken

Place = tuple[Table, list[Table]]

SWITCHES: dict[str, list[Any]] = {
    "national_lookup": [False, True],
    "statewide_lookup": [False, True],
    "out_of_state": ["never", "listed-states", "agreement"],
    "states": [[], ["US-TX"], ["US-WI"], ["US-TX", "US-WI"]],
    "federal": ["never", "judicial-warrant"],
    "deputised_as_federal": [True, False],
    "direct": [[], ["alpha"]],
    "full_feed": [[], ["alpha"]],
    "channels": [{}, {"compact": False}, {"compact": True}],
}
KEYS: dict[tuple[str, str], list[Any]] = {
    **{("sharing", name): values for name, values in SWITCHES.items()},
    ("owner", "plate_crop"): [True, False],
    ("law", "reviewed_by"): ["counsel", "another", None],
    ("purposes", "banned"): [[], ["parking"], ["immigration_enforcement"], ["immigration_enforcement", "parking"]],
    ("purposes", "allowed"): [None, [], PURPOSES, PURPOSES[:1]],
    ("purposes", "grades"): [None, [], GRADES, GRADES[:1]],
    ("redaction", "in_state"): [[], REDACTIONS],
    ("redaction", "out_of_state"): [[], REDACTIONS, REDACTIONS[:1]],
    ("redaction", "federal"): [[], REDACTIONS],
    ("retention", "undelivered_hours"): [0.05, 1, 24, 25],
}
OF_AN_AGENCY: dict[str, list[Any]] = {
    "suspended": [True, False],
    "feed": ["all", "hits", "none"],
    "kind": ["local", "federal", "other"],
    "state": ["US-IL", "US-TX"],
    "channels": [[], ["direct"], ["national-lookup"]],
    "purposes": [["stolen_vehicle"], ["parking"]],
    "federal_deputation": ["none", "287g"],
    "redact": [[], REDACTIONS],
    "agreement": [[]],
}


@st.composite
def edits(draw: st.DrawFn, place: Place) -> Place:
    """The same city after one to three edits, most of them of a kind that may need no signature."""
    written, agencies = place[0], copy.deepcopy(place[1])
    for _ in range(draw(st.integers(1, 3))):
        what = draw(st.sampled_from(["switch", "switch", "key", "agency", "suspend", "sooner"]))
        if what == "sooner":
            written = merged(written, {"valid_until": NOW + timedelta(days=draw(st.sampled_from([-2, 1, 29, 31])))})
        elif what in ("switch", "key"):
            keys = [key for key in KEYS if what == "key" or key[0] == "sharing"]
            table, key = draw(st.sampled_from(keys))
            written = merged(written, {table: {key: draw(st.sampled_from(KEYS[table, key]))}})
        else:
            one = draw(st.sampled_from(agencies))
            key = "suspended" if what == "suspend" else draw(st.sampled_from(sorted(OF_AN_AGENCY)))
            if not (key == "kind" and one["kind"] == "task_force"):
                one[key] = draw(st.sampled_from(OF_AN_AGENCY[key]))
    return written, agencies


@settings(max_examples=120, deadline=None)
@given(data=st.data(), place=cities(), found=hits(), raised=flags)
def test_an_edit_that_needs_no_signature_never_widens_a_decision(
    data: st.DataObject, place: Place, found: list[Hit], raised: frozenset[Flag]
) -> None:
    old = bundle_of(*place)
    try:
        new = bundle_of(*data.draw(edits(place)))
    except PolicyError:  # an owner that cannot own, for one
        return
    event(f"taken: {tightens(old, new)}")
    if tightens(old, new):
        before = shared(old, taken(old, *found, raised=raised))
        assert no_wider(shared(new, taken(new, *found, raised=raised)), before)
        # a read that was taken before the edit, and is decided again at the door, goes to nobody more either
        assert no_wider(shared(new, taken(old, *found, raised=raised)), before)
