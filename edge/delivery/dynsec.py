"""Mosquitto's dynamic security as it is spoken: commands go in, one answer for each comes out, and nothing is assumed.

Every controller hears every answer, so each command carries correlation data of its own and only its own answer counts.
A batch is not atomic: each command is done or refused for itself. "Done" is not "saved" (see `edge.delivery.access`).
Source: Mosquitto 2.0, plugins/dynamic-security.
"""

import json
import queue
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from edge.clock import Clock, monotonic
from edge.delivery.address import Address
from edge.delivery.line import Arrival, Handover, Line
from edge.delivery.roles import ANSWERS, COMMANDS, Account, Command, Rule, State
from edge.errors import BrokerError

_AT_ONCE = 10
"""Commands in one message: Mosquitto writes its whole file after each, and must answer in time."""
_MOST_ANSWERS = 10_000


class _Named(BaseModel):
    rolename: str = ""
    groupname: str = ""


class _ClientAnswer(BaseModel):
    username: str
    clientid: str = ""
    disabled: bool = False
    roles: list[_Named] = []
    groups: list[_Named] = []


class _RuleAnswer(BaseModel):
    acltype: str
    topic: str = ""
    allow: bool


class _RoleAnswer(BaseModel):
    rolename: str
    acls: list[_RuleAnswer] = []


class _Answer(BaseModel):
    """One answer. What a broker of another version adds is left aside; what is missing shows when it is read back."""

    command: str = ""
    correlationData: str = ""
    error: str | None = None
    data: dict[str, Any] = {}


class _Answers(BaseModel):
    responses: list[_Answer]


class _Everything(BaseModel):
    acls: list[_RuleAnswer] = []
    clients: list[_ClientAnswer] = []
    roles: list[_RoleAnswer] = []
    groups: list[str] = []


class Dynsec:
    """One control connection: it is opened once, and when it is lost it is thrown away. Used from one thread."""

    def __init__(self, *, address: Address, clock: Clock, within: float) -> None:
        """Connects and listens for answers. BrokerError when that, or any command later, takes longer than `within`."""
        self._clock, self._within, self._where = clock, within, f"broker at {address}"
        self._arrivals: queue.Queue[bytes] = queue.Queue(_MOST_ANSWERS)
        self._line = Line(address=address, arrived=self._arrived)
        self._line.open(within)
        self._line.subscribe(ANSWERS, within)

    @property
    def alive(self) -> bool:
        """Whether the connection still stands."""
        return self._line.alive

    def close(self) -> None:
        """Ends the connection."""
        self._line.close()

    def do(self, commands: Sequence[Command], *, unless: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        """Has every command done and gives their data, in order. BrokerError names the first that is refused.

        A refusal in one of the words of `unless` is none: what should be gone is gone.
        """
        answers = [
            answer for start in range(0, len(commands), _AT_ONCE) for answer in self._ask(commands[start:][:_AT_ONCE])
        ]
        for command, answer in zip(commands, answers, strict=True):
            if answer.error is not None and answer.error not in unless:
                raise BrokerError(f"{self._where} refuses `{command['command']}` ({answer.error.lower()})")
        return [answer.data for answer in answers]

    def read(self) -> State:
        """Everything that the broker holds. BrokerError when it does not tell, or not in this version's words."""
        told = self.do(
            [
                {"command": "getDefaultACLAccess"},
                {"command": "listClients", "verbose": True, "count": -1, "offset": 0},
                {"command": "listRoles", "verbose": True, "count": -1, "offset": 0},
                {"command": "listGroups", "verbose": False, "count": -1, "offset": 0},
            ]
        )
        try:
            found = _Everything.model_validate({key: value for each in told for key, value in each.items()})
        except ValidationError:
            raise BrokerError(f"{self._where} lists its rights in words of another version, 2.0 is known") from None
        return State(
            defaults={rule.acltype: rule.allow for rule in found.acls},
            accounts={client.username: _account(client) for client in found.clients},
            roles={role.rolename: _rules(role) for role in found.roles},
            groups=tuple(found.groups),
        )

    def account(self, name: str) -> Account | None:
        """What the broker holds about one user name; None if it does not know it."""
        told = self.do([{"command": "getClient", "username": name}], unless=("Client not found",))[0]
        try:
            return _account(_ClientAnswer.model_validate(told["client"])) if told else None
        except (ValidationError, KeyError):
            raise BrokerError(f"{self._where} tells of an account in words of another version, 2.0 is known") from None

    def role(self, name: str) -> frozenset[Rule] | None:
        """The rules of one role; None if the broker does not know it, or it is not made of plain allowing rules."""
        told = self.do([{"command": "getRole", "rolename": name}], unless=("Role not found",))[0]
        try:
            return _rules(_RoleAnswer.model_validate(told["role"])) if told else None
        except (ValidationError, KeyError):
            raise BrokerError(f"{self._where} tells of a role in words of another version, 2.0 is known") from None

    def _ask(self, commands: Sequence[Command]) -> list[_Answer]:
        """Sends one batch and waits for the answer to each. An unanswered connection is thrown away."""
        marks = [f"{self._clock.new_id()}.{number}" for number in range(len(commands))]
        marked = [{**command, "correlationData": mark} for command, mark in zip(commands, marks, strict=True)]
        until = monotonic() + self._within
        sent = self._line.publish(COMMANDS, json.dumps({"commands": marked}).encode(), expiry=None)
        outcome = sent.outcome(self._within)
        if outcome not in (Handover.TAKEN, Handover.NO_SUBSCRIBER):
            self._line.drop()
            raise BrokerError(f"{self._where} takes no commands, {outcome.value}; see that dynamic security is loaded")
        found: dict[str, _Answer] = {}
        while not found.keys() >= set(marks):
            found.update((answer.correlationData, answer) for answer in self._next(until))
        return [found[mark] for mark in marks]

    def _next(self, until: float) -> Iterator[_Answer]:
        left = until - monotonic()
        try:
            payload = self._arrivals.get(timeout=max(0.0, left)) if left > 0 else self._arrivals.get_nowait()
            yield from _Answers.model_validate_json(payload).responses
        except queue.Empty:
            self._line.drop()
            raise BrokerError(f"{self._where} does not answer a command within {self._within:g} s") from None
        except ValidationError:
            return

    def _arrived(self, arrival: Arrival) -> None:
        arrival.done()
        if arrival.topic == ANSWERS and not self._arrivals.full():
            self._arrivals.put_nowait(arrival.payload)


def _account(client: _ClientAnswer) -> Account:
    roles = tuple(sorted(role.rolename for role in client.roles))
    return Account(roles=roles, plain=not (client.disabled or client.groups or client.clientid))


def _rules(role: _RoleAnswer) -> frozenset[Rule] | None:
    if not all(rule.allow for rule in role.acls):
        return None
    return frozenset(Rule(rule.acltype, rule.topic) for rule in role.acls)
