"""The demo's own broker: amqtt in a thread of this process. It keeps nothing and admits nobody whom it was not told of.

amqtt has no rights of its own beyond what a plugin answers, so this plugin denies by default. Its weaknesses are why
it is for the demo only: MQTT 3.1.1 only, a refused publish looks like a good one to its sender, and retained messages
would go to anyone; so nothing is retained here and no session outlives its connection.
"""

import asyncio
import hmac
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from amqtt.broker import Broker  # type: ignore[import-untyped]
from amqtt.contexts import Action  # type: ignore[import-untyped]
from amqtt.errors import AMQTTError  # type: ignore[import-untyped]
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin  # type: ignore[import-untyped]
from amqtt.session import Session  # type: ignore[import-untyped]

from edge.delivery.broker import Protocol
from edge.demo.brokers import PATIENCE, Account
from edge.errors import BrokerError


class Rights(BaseTopicPlugin, BaseAuthPlugin):  # type: ignore[misc]
    """Who may connect, subscribe, receive and publish. amqtt asks at each of them; it makes this object itself."""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self.accounts: dict[str, Account] = {}

    async def authenticate(self, *, session: Session) -> bool:
        account = self.accounts.get(session.username or "")
        known = account is not None and hmac.compare_digest(account.password, session.password or "")
        return bool(known and session.clean_session)

    async def topic_filtering(
        self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None
    ) -> bool:
        account = self.accounts.get((session.username or "") if session else "")
        if account is None or topic is None:
            return False
        if action in (Action.SUBSCRIBE, Action.RECEIVE):
            return any(covers(right, topic) for right in account.reads)
        return action == Action.PUBLISH and any(covers(right, topic) for right in account.writes)


class _Forgetful(Broker):  # type: ignore[misc]
    """amqtt's broker without retained messages."""

    async def retain_message(self, *_: Any, **__: Any) -> None:
        return


class Embedded:
    """amqtt on a free port of 127.0.0.1, in its own thread with its own event loop."""

    title = "the demo's own broker (amqtt), MQTT 3.1.1"
    protocol: Protocol = "3.1.1"

    def __init__(self) -> None:
        self.port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._broker: Any = None
        for name in ("amqtt", "transitions"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)

    def start(self, accounts: Sequence[Account]) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda _loop, _context: None)
        self._thread = threading.Thread(target=self._loop.run_forever, name="broker", daemon=True)
        self._thread.start()
        self._await(self._open({account.name: account for account in accounts}))

    def listens(self, name: str) -> bool:
        subscribed = list(self._broker.subscriptions.values()) if self._broker is not None else []
        return any(session.username == name for sessions in subscribed for session, _ in list(sessions))

    def revoke(self, name: str) -> None:
        self._await(self._drop(name))

    def stop(self) -> None:
        if self._loop is None or self._thread is None:
            return
        if self._broker is not None:
            self._await(self._broker.shutdown())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()
        self._loop = self._thread = self._broker = None

    def _await(self, work: Any) -> None:
        if self._loop is None:
            raise BrokerError("the demo's own broker is not running")
        waiting: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            waiting.result(PATIENCE)
        except (AMQTTError, OSError, TimeoutError) as error:
            raise BrokerError(f"the demo's own broker failed: {error or 'no answer'}") from error

    async def _open(self, accounts: dict[str, Account]) -> None:
        config = {
            "listeners": {"default": {"type": "tcp", "bind": "127.0.0.1:0"}},
            "plugins": {f"{Rights.__module__}.{Rights.__name__}": {}},
        }
        broker = _Forgetful(config)
        self._rights(broker).accounts = accounts
        await broker.start()
        # amqtt does not tell which port the system chose.
        self.port = broker._servers["default"].instance.sockets[0].getsockname()[1]
        self._broker = broker

    async def _drop(self, name: str) -> None:
        self._rights(self._broker).accounts.pop(name)
        for client_id, (session, handler) in list(self._broker.sessions.items()):
            if session.username == name:
                await handler.handle_connection_closed()
                await handler.stop()
                await self._broker._delete_session(client_id)

    @staticmethod
    def _rights(broker: Any) -> Rights:
        rights = broker.plugins_manager.get_plugin(Rights.__name__)
        if not isinstance(rights, Rights):
            raise BrokerError("the demo's own broker did not load its rights, it must not run without them")
        return rights


def covers(right: str, asked: str) -> bool:
    """Whether the topic or filter `asked` lies within the filter `right`, in which only `+` is used.

    A wildcard in `asked` is covered only by a wildcard in `right`; `#` and `$share` are never covered.
    """
    levels, wanted = right.split("/"), asked.split("/")
    if len(levels) != len(wanted) or "#" in asked:
        return False
    return all(level in ("+", want) for level, want in zip(levels, wanted, strict=True))
