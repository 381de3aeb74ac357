"""A disk between SQLite and the real one, that fails when it is told to and remembers what a power cut would leave.

It is a VFS (https://www.sqlite.org/c3ref/vfs.html) around SQLite's own. What was written and not synced is lost in a
power cut; so is what was written before a sync that failed, even when a later one succeeds, because the kernel takes
such pages for clean (https://lwn.net/Articles/752063/).
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OK, FULL, READ_ONLY, WRITE_FAILED, SYNC_FAILED = 0, 13, 8, 10 | 3 << 8, 10 | 4 << 8
_POINTER = ctypes.c_void_p


class _Vfs(ctypes.Structure):
    _fields_ = (
        [(name, ctypes.c_int) for name in ("version", "file_size", "longest_path")]
        + [(name, _POINTER) for name in ("next", "name", "app_data", "open", "delete")]
        + [(f"other{number}", _POINTER) for number in range(14)]
    )


class _Methods(ctypes.Structure):
    _fields_ = [("version", ctypes.c_int)] + [
        (name, _POINTER) for name in ("close", "read", "write", "truncate", "sync", *(f"other{n}" for n in range(13)))
    ]


# the name is passed on as the pointer that it came as: SQLite keeps it
_OPEN = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, _POINTER, _POINTER, ctypes.c_int, _POINTER)
_DELETE = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, ctypes.c_char_p, ctypes.c_int)
_WRITE = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, _POINTER, ctypes.c_int, ctypes.c_int64)
_TRUNCATE = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, ctypes.c_int64)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, ctypes.c_int)


@dataclass
class Fault:
    """The call of `what` (write or sync) after `spared` others fails with `code`, after it happened or without."""

    what: str
    code: int
    happens: bool = False
    spared: int = 0
    lasts: bool = False  # until it is taken away


@dataclass
class _File:
    durable: bytearray
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def settle(self) -> None:
        for at, written in self.pending:
            if written is None:
                del self.durable[at:]
                continue
            self.durable.extend(bytes(max(0, at + len(written) - len(self.durable))))
            self.durable[at : at + len(written)] = written
        self.pending.clear()


class Disk:
    """The one disk of the process, once `installed`."""

    def __init__(self) -> None:
        self.fault: Fault | None = None
        self.failed = 0
        self._files: dict[str, _File] = {}
        self._open: dict[int, str] = {}
        self._tables: dict[int, tuple[_Methods, dict[str, Any]]] = {}
        self._copies: dict[int, _Methods] = {}

    def after_a_power_cut(self, ledger: Path, folder: Path) -> Path:
        """Makes the files in `folder` that would be found then; gives the ledger's."""
        folder.mkdir()
        for path, file in self._files.items():
            if Path(path).parent == ledger.parent:
                (folder / Path(path).name).write_bytes(file.durable)
        return folder / ledger.name

    def install(self) -> "_Installed":
        """From now on SQLite opens its files through this disk."""
        maps = Path("/proc/self/maps").read_text().splitlines()
        library = ctypes.CDLL(next(line.split()[-1] for line in maps if "libsqlite3" in line))
        library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        library.sqlite3_vfs_find.argtypes = [ctypes.c_char_p]
        library.sqlite3_vfs_register.argtypes = library.sqlite3_vfs_unregister.argtypes = [_POINTER]
        library.sqlite3_vfs_register.argtypes = [_POINTER, ctypes.c_int]
        real = library.sqlite3_vfs_find(None)
        mine = _Vfs.from_buffer_copy(real.contents)
        name = ctypes.create_string_buffer(b"faulty")
        self._real_open, self._real_delete = _OPEN(real.contents.open), _DELETE(real.contents.delete)
        kept = (_OPEN(self._opens), _DELETE(self._deletes), name)
        mine.name = ctypes.addressof(name)
        mine.open, mine.delete = (ctypes.cast(each, _POINTER) for each in kept[:2])
        library.sqlite3_vfs_register(ctypes.addressof(mine), 1)
        return _Installed(library, mine, kept)

    def _opens(self, vfs: int, name: int | None, file: int, flags: int, out: int | None) -> int:
        code: int = self._real_open(vfs, name, file, flags, out)
        table = _POINTER.from_address(file)
        if code == OK and name is not None and table.value:
            path = ctypes.string_at(name).decode()
            self._open[file] = path
            if path not in self._files:
                self._files[path] = _File(bytearray(Path(path).read_bytes()))
            table.value = ctypes.addressof(self._copy(table.value))
        return code

    def _deletes(self, vfs: int, name: bytes, sync: int) -> int:
        code: int = self._real_delete(vfs, name, sync)
        if code == OK:
            self._files.pop(name.decode(), None)
        return code

    def _copy(self, address: int) -> _Methods:
        """SQLite's table of what a file can do, with ours in the places of write, truncate and sync."""
        if address not in self._copies:
            real = _Methods.from_address(address)
            copy = _Methods.from_buffer_copy(real)
            write, truncate, sync = _WRITE(real.write), _TRUNCATE(real.truncate), _SYNC(real.sync)

            def writes(file: int, data: int, count: int, at: int) -> int:
                content = ctypes.string_at(data, count)
                return self._does("write", file, (at, content), lambda: write(file, data, count, at))

            def truncates(file: int, size: int) -> int:
                return self._does("truncate", file, (size, None), lambda: truncate(file, size))

            def syncs(file: int, flags: int) -> int:
                return self._does("sync", file, None, lambda: sync(file, flags))

            mine = (_WRITE(writes), _TRUNCATE(truncates), _SYNC(syncs))
            copy.write, copy.truncate, copy.sync = (ctypes.cast(each, _POINTER) for each in mine)
            self._copies[address] = copy
            self._tables[address] = (copy, {"mine": mine, "real": (write, truncate, sync)})
        return self._copies[address]

    def _does(self, what: str, file: int, written: tuple[int, bytes | None] | None, really: Any) -> int:
        kept = self._files.setdefault(self._open[file], _File(bytearray()))
        fault = self._fails(what)
        if fault is None or fault.happens:
            code: int = really()
            if written is not None:
                kept.pending.append(written)
            else:
                kept.settle()
            return code if fault is None else fault.code
        if what == "sync":
            kept.pending.clear()  # the kernel takes the pages for clean, and they never reach the disk
        return fault.code

    def _fails(self, what: str) -> Fault | None:
        fault = self.fault
        if fault is None or fault.what != what:
            return None
        if fault.spared:
            fault.spared -= 1
            return None
        self.failed += 1
        if not fault.lasts:
            self.fault = None
        return fault


class _Installed:
    def __init__(self, library: Any, vfs: _Vfs, kept: tuple[Any, ...]) -> None:
        self._library, self._vfs, self._kept = library, vfs, kept

    def remove(self) -> None:
        self._library.sqlite3_vfs_unregister(ctypes.addressof(self._vfs))


@contextmanager
def installed() -> Iterator[Disk]:
    """A disk that SQLite uses inside; every file must be closed again before the end."""
    disk = Disk()
    vfs = disk.install()
    try:
        yield disk
    finally:
        vfs.remove()
