"""PURE: which roles and accounts the broker shall hold, and how what it holds becomes that.

One role for each subscriber, one for the device, one for whoever gives rights; everything else is denied.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from edge.delivery.topics import NAME, ack_filter, ack_topic, notice_filters, read_filter, read_topic, reads_filter
from edge.values import Grant

COMMANDS = "$CONTROL/dynamic-security/v1"
ANSWERS = "$CONTROL/dynamic-security/v1/response"
KINDS = ("publishClientSend", "publishClientReceive", "subscribe", "unsubscribe")
"""What is allowed or denied where no role says anything."""

Command = dict[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Rule:
    """One line of a role, which allows something: `kind` is Mosquitto's `acltype`. What is not named is denied."""

    kind: str
    topic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the broker holds about one user name. `plain` is False for one that is disabled, in a group or pinned."""

    roles: tuple[str, ...]
    plain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything that dynamic security holds. `roles` has None for a role that is not made of plain allowing rules."""

    defaults: Mapping[str, bool]
    accounts: Mapping[str, Account]
    roles: Mapping[str, frozenset[Rule] | None]
    groups: tuple[str, ...]


CONTROL_ROLE = "control"
CONTROL_RULES = frozenset(
    {
        Rule("publishClientSend", COMMANDS),
        Rule("publishClientReceive", ANSWERS),
        Rule("subscribeLiteral", ANSWERS),
        Rule("unsubscribeLiteral", ANSWERS),
    }
)
"""What the control account may do. It could give itself more, so nobody else may have its password."""

CONTROL_MARK, CALLER_MARK, DEVICE_MARK = "control!", "caller!", "device:"
"""How the names of our own accounts begin: with a sign that no subscriber's certificate name may hold."""

DEVICE_ROLE = "device"
_TO = "to/"


def device_name(device_id: str) -> str:
    """The name in the device's own certificate: no subscriber can have it, for a registry knows no such sign."""
    return f"{DEVICE_MARK}{device_id}"


def role_of(grant: Grant) -> str:
    """The name of a subscriber's role."""
    return _TO + grant.subscriber_id


def desired(wanted: Collection[Grant], *, control: str, caller: str, device_id: str, test: bool) -> State:
    """All that the broker shall hold: our accounts, named `control` and `caller`, the device's, and those of `wanted`.

    The caller has no right at all: it only takes sessions over.
    """
    roles: dict[str, frozenset[Rule] | None] = {
        CONTROL_ROLE: CONTROL_RULES,
        DEVICE_ROLE: _publishing(device_id, test=test),
    }
    bearers: dict[str, tuple[str, ...]] = {
        control: (CONTROL_ROLE,),
        caller: (),
        device_name(device_id): (DEVICE_ROLE,),
    }
    for grant in wanted:
        roles[role_of(grant)] = reading(grant, device_id, test=test)
        bearers[grant.certificate_name] = (role_of(grant),)
    accounts = {name: Account(roles=held, plain=True) for name, held in bearers.items()}
    return State(defaults=dict.fromkeys(KINDS, False), accounts=accounts, roles=roles, groups=())


def reading(grant: Grant, device_id: str, *, test: bool) -> frozenset[Rule]:
    """A subscriber reads its own topic at this device and what the device says of itself, and acknowledges. No more.

    It asks by the device's name or by `+`.
    """
    own = (read_topic(device_id, grant.subscriber_id, test=test), *notice_filters(device_id, test=test))
    filters = (*own, read_filter(None, grant.subscriber_id, test=test), *notice_filters(None, test=test))
    return frozenset(
        {
            *(Rule("publishClientReceive", one) for one in own),
            Rule("publishClientSend", ack_topic(device_id, grant.subscriber_id, test=test)),
            *(Rule("subscribeLiteral", one) for one in filters),
            *(Rule("unsubscribeLiteral", one) for one in filters),
        }
    )


def _publishing(device_id: str, *, test: bool) -> frozenset[Rule]:
    """The device's own account publishes reads and how it stands, and hears acknowledgements; it can give no right."""
    acknowledgements = ack_filter(device_id, test=test)
    says = (reads_filter(device_id, test=test), *notice_filters(device_id, test=test))
    return frozenset(
        {
            *(Rule("publishClientSend", one) for one in says),
            Rule("publishClientReceive", acknowledgements),
            Rule("subscribeLiteral", acknowledgements),
            Rule("unsubscribeLiteral", acknowledgements),
        }
    )


def wrong(found: State, wished: State, *, keep: Collection[str]) -> tuple[set[str], set[str]]:
    """The names of the roles and of the accounts that must go first; what is left is right as far as it goes.

    The accounts of `keep` and their role are our way in, and never among them, or nobody could mend the rest.
    """
    # a role that denies is None, and so would be one that is not wished at all
    roles = {name for name, rules in found.roles.items() if rules is None or wished.roles.get(name) != rules}
    roles.discard(CONTROL_ROLE)
    accounts = {
        name
        for name, account in found.accounts.items()
        if wished.accounts.get(name) != account or roles & set(account.roles)
    }
    return roles, accounts - set(keep)


def removals(found: State, roles: Collection[str], accounts: Collection[str]) -> list[Command]:
    """Accounts first: while a role is only emptied, what waits for its bearers still goes out."""
    return [
        deny_by_default(),
        *(about(name, "deleteClient") for name in sorted(accounts)),
        *({"command": "deleteGroup", "groupname": name} for name in found.groups),
        *({"command": "deleteRole", "rolename": name} for name in sorted(roles)),
    ]


def additions(wished: State, *, roles: Collection[str], accounts: Collection[str]) -> list[Command]:
    """What makes the rest of `wished` where these roles and accounts stand already."""
    commands = [
        create_role(name, rules or frozenset()) for name, rules in sorted(wished.roles.items()) if name not in roles
    ]
    for name, account in sorted(wished.accounts.items()):
        if name not in accounts:
            commands += creation(name, account.roles)
    return commands


def creation(name: str, roles: tuple[str, ...]) -> list[Command]:
    """An account without a password: only a certificate is let in by this name. To give it a role cuts its connection.

    That is wanted: who sat there without a right subscribes again.
    """
    return [about(name, "createClient"), *(about(name, "addClientRole", rolename=role) for role in roles)]


def create_role(name: str, rules: frozenset[Rule]) -> Command:
    """The command that makes a role of allowing rules."""
    acls = [{"acltype": rule.kind, "topic": rule.topic, "priority": 0, "allow": True} for rule in sorted(rules)]
    return {"command": "createRole", "rolename": name, "acls": acls}


def deny_by_default() -> Command:
    """The command after which only what a role names is allowed; without it, receiving is allowed to all."""
    return {"command": "setDefaultACLAccess", "acls": [{"acltype": kind, "allow": False} for kind in KINDS]}


def about(name: str, command: str, **more: str) -> Command:
    """A command about one account."""
    return {"command": command, "username": name, **more}


def grants_in(found: State) -> tuple[Grant, ...]:
    """Who may read, as far as the names of the roles tell."""
    return tuple(
        Grant(subscriber_id=role.removeprefix(_TO), certificate_name=name)
        for name, account in sorted(found.accounts.items())
        for role in account.roles
        if role.startswith(_TO) and NAME.fullmatch(role.removeprefix(_TO))
    )


def bearing(found: State, wished: State) -> State:
    """What is held, without what a right leaves behind that was taken away: a role that nobody has, an account that
    has none. Neither gives anything.
    """
    borne = {role for account in found.accounts.values() for role in account.roles}
    roles = {name: rules for name, rules in found.roles.items() if name in borne or not name.startswith(_TO)}
    accounts = {
        name: account
        for name, account in found.accounts.items()
        if account.roles or not account.plain or name in wished.accounts
    }
    return replace(found, roles=roles, accounts=accounts)


def difference(found: State, wished: State) -> str | None:
    """In words, the first thing that is not as wished; None when all is."""
    if dict(found.defaults) != dict(wished.defaults):
        return "what is allowed by default"
    return (
        _first("role", found.roles, wished.roles)
        or _first("account", found.accounts, wished.accounts)
        or ("a group" if found.groups else None)
    )


def _first(what: str, found: Mapping[str, object], wished: Mapping[str, object]) -> str | None:
    for name in sorted({*found, *wished}):
        if name not in found or name not in wished or found[name] != wished[name]:
            return f"{what} `{name}`"
    return None
