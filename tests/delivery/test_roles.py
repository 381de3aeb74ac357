"""Whatever a broker holds, what we have it do makes it hold what is wished, and nothing of ours is locked out."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from edge.delivery.roles import (
    CONTROL_ROLE,
    CONTROL_RULES,
    KINDS,
    Account,
    Command,
    Rule,
    State,
    additions,
    desired,
    difference,
    grants_in,
    removals,
    wrong,
)
from edge.values import Grant

CONTROL, CALLER, DEVICE = "control!1", "caller!1", "elm-street-1"
NAMES = [f"agency-{number}" for number in range(4)]
ROLES = [CONTROL_ROLE, "device", *(f"to/{name}" for name in NAMES), "planted"]

rules = st.frozensets(
    st.sampled_from([Rule("subscribeLiteral", "a"), Rule("publishClientReceive", "a"), Rule("subscribePattern", "#")])
)
accounts = st.builds(
    Account, roles=st.lists(st.sampled_from(ROLES), unique=True, max_size=2).map(tuple), plain=st.booleans()
)
wishes = st.sets(st.sampled_from(NAMES)).map(
    lambda names: [Grant(subscriber_id=name, certificate_name=name) for name in sorted(names)]
)


def wished(grants: list[Grant]) -> State:
    return desired(grants, control=CONTROL, caller=CALLER, device_id=DEVICE, test=False)


@st.composite
def held(draw: st.DrawFn) -> State:
    """What a broker may hold: some of what we made, some of it changed, and what somebody else made."""
    made = wished(draw(wishes))
    roles = {**made.roles, **draw(st.dictionaries(st.sampled_from(ROLES), st.none() | rules, max_size=3))}
    names = st.sampled_from([*NAMES, f"device:{DEVICE}", "stranger"])
    bearers = {**made.accounts, **draw(st.dictionaries(names, accounts, max_size=3))}
    gone = draw(st.sets(st.sampled_from(sorted({*roles, *bearers}))))
    ours = {CONTROL_ROLE: CONTROL_RULES}, {name: made.accounts[name] for name in (CONTROL, CALLER)}
    return State(
        defaults=draw(st.fixed_dictionaries({kind: st.booleans() for kind in KINDS})),
        roles={**{name: one for name, one in roles.items() if name not in gone}, **ours[0]},
        accounts={**{name: one for name, one in bearers.items() if name not in gone}, **ours[1]},
        groups=draw(st.sampled_from([(), ("all",)])),
    )


@dataclass
class Broker:
    """Dynamic security, as far as these commands go. A role or account that is there already is refused, as there."""

    defaults: dict[str, bool]
    roles: dict[str, frozenset[Rule] | None]
    accounts: dict[str, Account]
    groups: list[str]
    said: list[str] = field(default_factory=list)

    def do(self, command: Command) -> None:
        name = command.get("username") or command.get("rolename") or command.get("groupname")
        self.said.append(f"{command['command']} {name}")
        match command["command"]:
            case "setDefaultACLAccess":
                self.defaults.update({acl["acltype"]: acl["allow"] for acl in command["acls"]})
            case "deleteClient":
                del self.accounts[name]
            case "deleteGroup":
                self.groups.remove(name)
            case "deleteRole":
                del self.roles[name]
                for bearer, account in self.accounts.items():
                    left = tuple(role for role in account.roles if role != name)
                    self.accounts[bearer] = Account(roles=left, plain=account.plain)
            case "createRole":
                assert name not in self.roles
                self.roles[name] = frozenset(Rule(acl["acltype"], acl["topic"]) for acl in command["acls"])
            case "createClient":
                assert name not in self.accounts
                self.accounts[name] = Account(roles=(), plain=True)
            case "addClientRole":
                assert command["rolename"] in self.roles
                before = self.accounts[name]
                self.accounts[name] = Account(roles=(*before.roles, command["rolename"]), plain=before.plain)
            case other:
                raise AssertionError(other)

    @property
    def state(self) -> State:
        return State(defaults=self.defaults, roles=self.roles, accounts=self.accounts, groups=tuple(self.groups))


def applied(found: State, wish: State) -> Broker:
    broker = Broker(dict(found.defaults), dict(found.roles), dict(found.accounts), list(found.groups))
    roles, names = wrong(found, wish, keep=(CONTROL, CALLER))
    for command in removals(found, roles, names):
        broker.do(command)
    for command in additions(wish, roles=found.roles.keys() - roles, accounts=found.accounts.keys() - names):
        broker.do(command)
    return broker


@given(held(), wishes)
def test_whatever_is_held_becomes_what_is_wished(found: State, grants: list[Grant]) -> None:
    assert difference(applied(found, wished(grants)).state, wished(grants)) is None


@given(held(), wishes)
def test_our_own_way_in_is_never_touched(found: State, grants: list[Grant]) -> None:
    assert not [said for said in applied(found, wished(grants)).said if CONTROL in said or CALLER in said]


@given(wishes)
def test_what_is_as_wished_is_left_alone(grants: list[Grant]) -> None:
    assert applied(wished(grants), wished(grants)).said == ["setDefaultACLAccess None"]


@given(wishes)
def test_who_may_read_is_told_from_what_is_held(grants: list[Grant]) -> None:
    assert list(grants_in(wished(grants))) == grants


@given(held(), wishes)
def test_a_difference_is_told_exactly_when_there_is_one(found: State, grants: list[Grant]) -> None:
    wish = wished(grants)
    same = (dict(found.defaults), dict(found.roles), dict(found.accounts), found.groups) == (
        dict(wish.defaults),
        dict(wish.roles),
        dict(wish.accounts),
        (),
    )
    assert (difference(found, wish) is None) is same
