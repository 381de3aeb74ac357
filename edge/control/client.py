"""Asking the daemon on this computer: how things stand, and that it takes up the city's files now."""

import socket
from pathlib import Path

from pydantic import ValidationError

from edge.clock import monotonic
from edge.control.status import Answer, Ask, Status
from edge.errors import BrokerError, ControlError, HomeruleError, LedgerError, NoDaemon, PolicyError

LARGEST_ANSWER = 16 * 1024 * 1024

_KINDS: dict[str, type[HomeruleError]] = {"policy": PolicyError, "broker": BrokerError, "ledger": LedgerError}


def ask_status(path: Path, *, patience: float = 5.0) -> Status:
    """How the device stands. NoDaemon when none runs here, ControlError when it does not answer or may not."""
    status = _ask(path, Ask(ask="status"), patience).status
    if status is None:
        raise ControlError(f"`{path}` answers without saying how things stand, see that one homerule is installed here")
    return status


def ask_take_up(path: Path, *, patience: float = 10.0) -> Status | None:
    """Returns when the city's files are in force, the broker's rights included; how things stand, for who may know.

    PolicyError: refused, and why. BrokerError: accepted, and nothing is sent to those it shuts out, but the broker has
    not confirmed yet. LedgerError: nothing is shared. NoDaemon, ControlError.
    """
    return _ask(path, Ask(ask="take-up"), patience).status


def _ask(path: Path, question: Ask, patience: float) -> Answer:
    try:
        answer = Answer.model_validate_json(_exchange(path, question.model_dump_json().encode() + b"\n", patience))
    except ValidationError:
        raise ControlError(f"`{path}` answers what this program does not understand, update homerule") from None
    if not answer.ok:
        raise _KINDS.get(answer.kind or "", ControlError)(answer.why or "it was refused")
    return answer


def _exchange(path: Path, question: bytes, patience: float) -> bytes:
    until, heard = monotonic() + patience, bytearray()
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(patience)
            line.connect(str(path))
            line.sendall(question)
            while not heard.endswith(b"\n"):
                line.settimeout(max(until - monotonic(), 0.001))
                more = line.recv(65536)
                heard += more
                if not more or len(heard) > LARGEST_ANSWER:
                    break
    except (FileNotFoundError, ConnectionRefusedError):
        raise NoDaemon(f"no daemon is running here (nothing answers on `{path}`), see `homerule run`") from None
    except TimeoutError:
        raise ControlError(f"the daemon does not answer on `{path}` within {patience:g} s, see its log") from None
    except OSError as error:
        raise ControlError(f"`{path}`: {(error.strerror or str(error)).lower()}, see the daemon's log") from error
    if not heard:
        raise ControlError(f"the daemon hung up on `{path}`, ask again or see its log")
    return bytes(heard)
