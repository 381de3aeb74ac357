"""A root file system of its own over one that stays as it is: what is written there is gone afterwards.

Needs root: a mount namespace with an overlay, held by one process and gone with it, so that nothing is left behind.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

from tests.broker import wait_until

MOUNTS = """
set -e
mount -t tmpfs -o size=4g tmpfs "$0"
mkdir "$0/upper" "$0/work" "$0/root"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$0/upper,workdir=$0/work" "$0/root"
mount --rbind /dev "$0/root/dev"
mount -t proc proc "$0/root/proc"
mount -t tmpfs tmpfs "$0/root/tmp"
mount -t tmpfs tmpfs "$0/root/run"
mkdir -p "$0/root$2" # after these: what is tried may lie in /tmp itself
mount --bind -o ro "$2" "$0/root$2"
ip link set lo up 2>/dev/null || true
echo ready
exec cat
"""
CLEAN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"}


class Root:
    """`run` runs a command there. `path` is where a file of it is found from outside."""

    def __init__(self, pid: int, place: Path) -> None:
        self.pid, self._place = pid, place
        self.environment = dict(CLEAN)

    def command(self, *words: str | Path) -> list[str]:
        """What starts these words there, from outside."""
        inside = ["nsenter", f"--target={self.pid}", "--mount", "--net", "chroot", f"{self._place}/root"]
        return [*inside, *map(str, words)]

    def run(self, *words: str | Path, within: float = 600, **environment: str) -> subprocess.CompletedProcess[str]:
        """To its end."""
        return subprocess.run(
            self.command(*words),
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=within,
            check=False,
        )

    @contextmanager
    def booted(self, name: str, console: Path) -> Iterator["Booted"]:
        """The same root as a computer of that name that starts: systemd is its first process, and it has no network.

        What it says at the start goes to the file `console`."""
        container = [
            *("nsenter", f"--target={self.pid}", "--mount", "systemd-nspawn", f"--directory={self._place}/root"),
            *("--boot", "--register=no", "--keep-unit", "--private-network", f"--machine={name}", "--console=pipe"),
        ]
        for lent in ("dev", "proc", "tmp", "run"):  # it brings its own
            umount = ["umount", "--lazy", f"{self._place}/root/{lent}"]
            subprocess.run(["nsenter", f"--target={self.pid}", "--mount", *umount], check=True)
        with console.open("wb") as out:
            process = subprocess.Popen(container, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        booted = Booted(process.pid, self.environment)
        try:
            wait_until(booted.is_up, what="systemd is up", within=120)
            yield booted
        except AssertionError as error:
            raise AssertionError(f"{error}\n{console.read_text(errors='replace')[-3000:]}") from None
        finally:
            process.terminate()  # it passes that on
            process.wait(60)

    def path(self, name: str | Path) -> Path:
        """A file there, by its absolute name there; links are not followed beyond the root."""
        return Path(f"/proc/{self.pid}/root{self._place}/root{name}")

    def write(self, name: str, content: str, mode: int = 0o644) -> None:
        """A file there."""
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(content)
        self.path(name).chmod(mode)


class Booted:
    """A computer that runs."""

    def __init__(self, pid: int, environment: dict[str, str]) -> None:
        self._pid, self.environment = pid, environment

    @property
    def leader(self) -> int:
        """Its first process, as we see it."""
        children = Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text().split()
        return int(children[0])

    def is_up(self) -> bool:
        """Whether systemd is done with starting."""
        with suppress(OSError, IndexError):
            return self.run("systemctl", "is-system-running").stdout.strip() in {"running", "degraded"}
        return False

    def command(self, *words: str | Path) -> list[str]:
        """What starts these words there, in /root."""
        return ["nsenter", f"--target={self.leader}", "--all", "--wdns=/root", *map(str, words)]

    def run(self, *words: str | Path, within: float = 600) -> subprocess.CompletedProcess[str]:
        """To its end."""
        return subprocess.run(
            self.command(*words),
            env=self.environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=within,
            check=False,
        )

    def typed(self, script: str, *, within: float = 900) -> str:
        """A script, line after line, each of which must succeed; what it printed."""
        done = self.run("bash", "-eux", "-c", script, within=within)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def path(self, name: str) -> Path:
        """A file there."""
        return Path(f"/proc/{self.leader}/root{name}")


@contextmanager
def over(lower: Path, lent: Path, *, network: bool = False) -> Iterator[Root]:
    """A root over `lower`, in which the folder `lent` is seen under its own name and cannot be written."""
    place = Path(mkdtemp(prefix="homerule-root-"))
    alone = ["unshare", "--mount", "--propagation=private", *([] if network else ["--net"])]
    holder = subprocess.Popen(
        [*alone, "sh", "-c", MOUNTS, place, lower, lent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "ready\n", "an overlay could not be mounted; run as root"
        yield Root(holder.pid, place)
    finally:
        holder.stdin.close()
        holder.wait(10)
        os.rmdir(place)
