"""Who may read at the broker: the second wall, after the daemon's own decision and before the seal.

What is wanted is applied whole and read back; "done" is not "saved", so it is applied again whenever the broker or the
control connection was lost. A right ends in this order: its role is removed and read back, then its session is taken
over and dropped, with all that waits in it. Before a right is given, the session is dropped too: nothing old arrives.
Facts behind this: a role that is only emptied lets the backlog drain, a disabled account with a certificate still
connects, and a session that nobody drops delivers what it kept once the right is back.
"""

import logging
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from edge import keys
from edge.clock import Clock, monotonic
from edge.delivery.address import Address
from edge.delivery.dynsec import Dynsec
from edge.delivery.line import Line
from edge.delivery.roles import (
    CALLER_MARK,
    CONTROL_MARK,
    Account,
    State,
    about,
    additions,
    bearing,
    create_role,
    creation,
    desired,
    device_name,
    difference,
    grants_in,
    reading,
    removals,
    role_of,
    wrong,
)
from edge.errors import BrokerError, ConfigError, RightsError
from edge.values import Grant, Steps

__all__ = ["Grant", "MosquittoRights", "NoRights", "Steps"]

_WITHIN = 2.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0
_GONE = ("Client not found", "Role not found", "Group not found")
_AGAIN = "see who else changes the rights of this broker, or make its file again with `homerule broker setup`"
T = TypeVar("T")

_log = logging.getLogger(__name__)


class NoRights:
    """A broker that this device may not administer: one wall is missing, and this says so once."""

    def __init__(self) -> None:
        _log.warning(
            'broker rights: `access = "none"`, the broker is not asked to keep subscribers apart, nor to drop what it '
            "holds for one that lost its right; this device's own check and sealing remain"
        )

    def apply(self, wanted: Collection[Grant]) -> None:
        return

    def grant(self, grant: Grant) -> Steps:
        return ()

    def revoke(self, grant: Grant) -> Steps:
        return ()

    def generation(self) -> int | None:
        return 0

    def close(self) -> None:
        return


class MosquittoRights:
    """Mosquitto's dynamic security, administered by this device alone over the loopback control listener.

    Safe from several threads; one change at a time. The control connection is opened when it is needed and never
    behind anybody's back: each new one is a new generation, and one on which a step failed is thrown away.
    """

    def __init__(
        self,
        *,
        control_port: int,
        credential: Path,
        device_id: str,
        clock: Clock,
        test: bool = False,
        publishes: Callable[[], bool] = lambda: True,
        owner: int | None = None,
    ) -> None:
        """`credential` is the 0600 file that `homerule broker setup` made; ConfigError if it is damaged or open.

        It is ours or that of the user `owner`. `publishes` says whether the line that reads are published on stands.
        """
        self._publishes = publishes
        logins = keys.load_logins(credential, owner=owner)
        if [name.partition("!")[0] + "!" for name, _ in logins] != [CONTROL_MARK, CALLER_MARK]:
            raise ConfigError(f"{credential}: does not name the two control accounts, run `homerule broker setup`")
        self._control, self._caller = logins
        self._port, self._device_id, self._clock, self._test = control_port, device_id, clock, test
        self._where = f"broker at 127.0.0.1:{control_port}"
        self._one_at_a_time = threading.RLock()
        self._dynsec: Dynsec | None = None
        self._generation = 0
        self._granted: set[Grant] = set()
        self._next_try, self._pause = 0.0, _FIRST_PAUSE

    def apply(self, wanted: Collection[Grant]) -> None:
        """Makes exactly `wanted` the rights of subscribers, and reads it back.

        Every session is dropped that this very connection did not grant to before.
        """
        wished, ours = self._wished(wanted), (self._control[0], self._caller[0])
        with self._change() as (dynsec, step):
            found = step("read", dynsec.read)
            roles, accounts = wrong(found, wished, keep=ours)
            self._granted = {one for one in wanted if one in self._granted and one.certificate_name not in accounts}
            step("remove", lambda: dynsec.do(removals(found, roles, accounts), unless=_GONE))
            dropped = accounts | {one.certificate_name for one in wanted if one not in self._granted}
            dropped |= self._left_over()
            step("drop", lambda: self._drop(*sorted(dropped)))
            missing = additions(wished, roles=found.roles.keys() - roles, accounts=found.accounts.keys() - accounts)
            step("add", lambda: dynsec.do(missing))
            if left := difference(step("read-back", dynsec.read), wished):
                raise RightsError(f"{self._where}: {left} is not as it should be, {_AGAIN}", step="read-back")
            self._granted = set(wanted)

    def grant(self, grant: Grant) -> Steps:
        """Drops what may wait for the subscriber, then gives its right, and reads it back."""
        name, role, rules = grant.certificate_name, role_of(grant), reading(grant, self._device_id, test=self._test)
        with self._change() as (dynsec, step):
            gone = [about(name, "deleteClient"), {"command": "deleteRole", "rolename": role}]
            step("remove", lambda: dynsec.do(gone, unless=_GONE))
            step("drop", lambda: self._drop(name, *self._left_over()))
            step("add", lambda: dynsec.do([create_role(role, rules), *creation(name, (role,))]))
            standing = step("read-back", lambda: (dynsec.account(name), dynsec.role(role)))
            if standing != (Account(roles=(role,), plain=True), rules):
                raise RightsError(f"{self._where}: the right of `{name}` is not as it was given", step="read-back")
            self._granted.add(grant)
        return step.done

    def revoke(self, grant: Grant) -> Steps:
        """Takes a right away; when it returns, the broker delivers nothing more. If it raises, the gate stays shut."""
        name = grant.certificate_name
        with self._change() as (dynsec, step):
            self._granted.discard(grant)
            left = self._without(dynsec, step, name, {role_of(grant)})
            if left is not None and left.roles:  # somebody else gave it more
                left = self._without(dynsec, step, name, left.roles)
            if left is not None and (left.roles or not left.plain):
                raise RightsError(f"{self._where}: `{name}` still has rights after their removal", step="read-back")
            step("drop", lambda: self._drop(name))
        return step.done

    def look(self) -> tuple[tuple[Grant, ...], str | None]:
        """Who may read now, and in words what the broker holds that is not as this device makes it; changes nothing."""
        with self._change() as (dynsec, step):
            found = step("read", dynsec.read)
            grants = grants_in(found)
            wished = self._wished(grants)
            return grants, difference(bearing(found, wished), wished)

    def generation(self) -> int | None:
        """A number that changes whenever rights must be applied again; None while the broker is away.

        Tries to connect when it is time to, pausing 0.25 s to 5 s between tries.
        """
        with self._one_at_a_time:
            if self._dynsec is not None and self._dynsec.alive:
                return self._generation
            if monotonic() < self._next_try:
                return None
            try:
                self._reach()
            except BrokerError as error:
                if self._pause == _FIRST_PAUSE:
                    _log.warning("broker rights: %s", error)
                self._next_try = monotonic() + self._pause
                self._pause = min(2 * self._pause, _LONGEST_PAUSE)
                return None
            return self._generation

    def close(self) -> None:
        """Ends the control connection; rights stay as they are."""
        with self._one_at_a_time:
            if self._dynsec is not None:
                self._dynsec.close()
                self._dynsec = None

    def _without(self, dynsec: Dynsec, step: "_Stepping", name: str, roles: Collection[str]) -> Account | None:
        """Takes these roles from an account, and gives what it has after that."""
        removals = [about(name, "removeClientRole", rolename=role) for role in sorted(roles)]
        step("remove", lambda: dynsec.do(removals, unless=_GONE))
        return step("read-back", lambda: dynsec.account(name))

    def _left_over(self) -> set[str]:
        """The device's own session while its line does not stand: a former line, lost here, may still be open there,
        with messages on it that were decided before and would arrive under the new right.
        """
        return set() if self._publishes() else {device_name(self._device_id)}

    def _wished(self, wanted: Collection[Grant]) -> State:
        control, caller = self._control[0], self._caller[0]
        return desired(wanted, control=control, caller=caller, device_id=self._device_id, test=self._test)

    @contextmanager
    def _change(self) -> Iterator[tuple[Dynsec, "_Stepping"]]:
        """One change at a time, over a connection that stands; one on which it failed is not used again."""
        step = _Stepping()
        with self._one_at_a_time:
            try:
                yield step("connect", self._reach), step
            except BrokerError as error:
                self.close()
                raise RightsError(str(error), step=step.name) from error

    def _reach(self) -> Dynsec:
        """The control connection, a new one if none stands. BrokerError with the mend."""
        if self._dynsec is not None and self._dynsec.alive:
            return self._dynsec
        self.close()
        self._granted.clear()
        address = self._address(self._control, f"control-{self._clock.new_id()}")
        self._dynsec = Dynsec(address=address, clock=self._clock, within=_WITHIN)
        self._generation += 1
        self._pause = _FIRST_PAUSE
        return self._dynsec

    def _drop(self, *client_ids: str) -> None:
        """Takes each session over with a clean start and ends it, and with it all that the broker keeps for it.

        On the certificates' listener the name in the certificate is the client id, so it is known.
        """
        for client_id in client_ids:
            line = Line(address=self._address(self._caller, client_id), arrived=lambda arrival: arrival.done())
            line.open(_WITHIN)
            line.close()

    def _address(self, login: tuple[str, str], client_id: str) -> Address:
        name, password = login
        return Address(
            host="127.0.0.1",
            port=self._port,
            protocol="5",
            client_id=client_id,
            username=name,
            password=password,
            tls=None,
        )


class _Stepping:
    """Does one step after the other and takes the time of each. `name` is the step that was begun last."""

    def __init__(self) -> None:
        self.name = ""
        self.done: Steps = ()

    def __call__(self, name: str, do: Callable[[], T]) -> T:
        self.name, begun = name, monotonic()
        result = do()
        self.done += ((name, round(1000 * (monotonic() - begun))),)
        return result
