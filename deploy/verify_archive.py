"""Checks an audit archive of Homerule without Homerule: Python, `cryptography` and this page are all that is needed.

    python3 verify_archive.py ARCHIVE --device-key FILE [--city-key FILE]... [--checkpoint FILE]...

Keys are files of 32 bytes in base64 (Ed25519) that you have from elsewhere. Give each checkpoint that a receiver kept:
without, whoever has the device's key may have rewritten everything. It says `ok` and exits 0, or says what is wrong and
exits 1: `edit` (bytes changed, moved or added), `gap` (something before the end is missing), `truncation` (the end is),
`fork` (two signed logs differ), `stranger` (another key has signed). Whether entries make sense together it leaves out.
"""

import argparse
import base64
import json
import mmap
import struct
import sys
import zlib
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def need(holds, sort, what):
    if not holds:
        sys.exit(f"FAULT {sort}: {what}")


def signs(key, stamp, text):  # `stamp` is base64, and the signature is its end
    try:
        return key.verify(base64.b64decode(stamp)[-64:], text) is None
    except (InvalidSignature, ValueError):
        return False


def open_note(note, name, key):
    """The text of a signed note (c2sp.org/signed-note) with the one signature of `name`; b"" unless `key` made it."""
    text, _, line = note.rpartition(b"\n\n")
    key_id = sha256(name.encode() + b"\n\x01" + key.public_bytes_raw()).digest()[:4]
    stamp = line.rpartition(b" ")[2].removesuffix(b"\n")
    if not signs(key, stamp, text + b"\n"):
        return b""
    exact = f"\u2014 {name} {base64.b64encode(key_id + base64.b64decode(stamp)[4:]).decode()}\n"
    return text + b"\n" if line == exact.encode() else b""


def open_checkpoint(note, key):
    """Origin, size and root of a checkpoint (c2sp.org/tlog-checkpoint); nothing unless `key` signed it."""
    lines = open_note(note, note.split(b"\n")[0].decode("utf-8", "replace"), key).decode().split("\n")
    return (lines[0], int(lines[1]), base64.b64decode(lines[2])) if len(lines) == 4 else ("", 0, b"")


def grow(edge, level, digest):
    """The next complete subtree of 2**level entries joins the tree (RFC 6962 section 2.1) at its right edge."""
    while edge and edge[-1][0] == level:
        digest, level = sha256(b"\x01" + edge.pop()[1] + digest).digest(), level + 1
    edge.append((level, digest))


def root(edge):
    digest = edge[-1][1]
    for _, left in edge[-2::-1]:
        digest = sha256(b"\x01" + left + digest).digest()
    return digest


def header(name, size, crc):
    return struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 0, 0, 33, crc, size, size, len(name), 0) + name.encode()


def expect(data, at, wanted, what):
    found = data[at : at + len(wanted)]
    need(found == wanted, "truncation" if wanted.startswith(found) else "edit", f"byte {at} on: {what}")
    return at + len(wanted)


def check_bytes(data, device_key):
    """That every byte is as it was signed. Gives what the device signed, and where each file inside is."""
    parts, places, central, at = [], {}, b"", 0
    for name in ("manifest.txt", "members.json"):  # of these two only their own header tells how long they are
        crc, size = struct.unpack("<II", data[at + 14 : at + 22].ljust(8, b"\0"))
        at = expect(data, at, header(name, size, crc), f"the header of {name}") + size
        content = data[at - size : at]
        need(len(content) == size, "truncation", f"the file ends within {name}")
        parts.append([name, size, zlib.crc32(content), sha256(content).hexdigest(), content])
    signed, listed = parts[0].pop(), parts[1].pop()
    name = signed.split(b" ")[-2:][0].decode("utf-8", "replace")
    text = open_note(signed, name, device_key)
    if not text.startswith(b"homerule audit archive 1\n"):
        own = base64.b64decode(data[data.find(b"keys/device.pub", at) + 15 :][:44].rjust(44, b"A"))[:32]
        stranger = open_note(signed, name, Ed25519PublicKey.from_public_bytes(own)) != b""
        need(False, "stranger" if stranger else "edit", "manifest.txt is not signed by the key that was given")
    said = {**json.loads(text.split(b"\n")[1]), "origin": name}
    need(parts[1][3] == said["members"], "edit", "members.json is not the one that was signed")
    parts, at = parts + json.loads(listed), 0
    for name, size, crc, digest in parts:
        begin = at + 30 + len(name)
        places[name] = slice(begin, begin + size)
        if sha256(data[places[name]]).hexdigest() != digest:
            need(False, *spoiled(data, said, name, places[name], {part[0]: part for part in parts}))
        expect(data, at, header(name, size, crc), f"the header of {name}")
        fields = (b"PK\x01\x02", 788, 20, 0, 0, 0, 33, crc, size, size, len(name), 0, 0, 0, 0, 0o100600 << 16, at)
        central += struct.pack("<4s6H3I5H2I", *fields) + name.encode()
        at = begin + size
    central += struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, len(parts), len(parts), len(central), at, 0)
    need(expect(data, at, central, "the zip directory") == len(data), "edit", "something was added at the end")
    return said, places


def spoiled(data, said, name, place, parts):  # the index has the first 4 bytes of each entry's hash
    index, size, crc, digest = parts.get(name.replace(".jsonl", ".index"), parts[name])
    marks = data[data.find(header(index, size, crc)) + 30 + len(index) :][:size]
    if index == name or sha256(marks).hexdigest() != digest:
        return "truncation" if place.stop > len(data) else "edit", f"bytes {place.start} to {place.stop - 1}: {name}"
    first = int(name[8:20])
    marks = [marks[at : at + 4] for at in range(0, 4 * min(said["last"] - first, 65536 - first % 65536), 4)]
    lines = [sha256(b"\x00" + line).digest()[:4] for line in data[place].split(b"\n")]
    at = next((at for at, mark in enumerate(marks) if lines[at : at + 1] != [mark]), len(marks))
    later = marks.index(lines[at], at + 1) if at < len(lines) and lines[at] in marks[at + 1 :] else 0
    gap = later and lines[at + 1 : at + 4] == marks[later + 1 : later + 4]
    return "gap" if gap else "edit", f"entry {first + at} is {'missing' if gap else 'not as it was written'}"


def check_log(data, said, places, asked):
    """That the entries give the signed root. Gives the roots at the sizes in `asked`, and entries by kind and place."""
    edge, size, roots = [], 0, {0: sha256(b"").digest()}
    kinds = {kind: {} for kind in ("ledger", "bundle", "pinned", "pruned")}
    entries = [name for name in places if name.startswith("entries/") and name.endswith(".jsonl")]
    for name in ("before.jsonl", *entries, "after.jsonl"):
        for line in data[places[name]].split(b"\n")[:-1]:
            around = json.loads(line) if name not in entries else {"entry": size}
            if "entry" in around:
                raw = line if name in entries else line.partition(b',"raw":')[2][:-1]
                entry, level, digest = json.loads(raw), 0, sha256(b"\x00" + raw).digest()
                exact = json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() == raw
                need(exact, "edit", f"entry {size} is not in the one form that an entry has")
                kinds.get(entry[0], {})[around["entry"]] = entry
            else:
                level, digest = around["level"], bytes.fromhex(around["sha256"])
            need(around.get("entry", around.get("number", 0) << level) == size, "gap", f"entry {size} is missing")
            grow(edge, level, digest)
            size += 1 << level
            if size in asked:
                roots[size] = root(edge)
    need(size == said["size"], "gap", f"the entries from {size} on are missing")
    need(root(edge).hex() == said["root"], "edit", "the entries do not give the signed root")
    gone = said["first"] if said["since"] else max([0, *(entry[3] for entry in kinds["pruned"].values())])
    need(said["first"] <= gone, "gap", f"the entries before {said['first']} are missing")
    need(said["last"] == size or said["until"], "truncation", f"the entries from {said['last']} on are missing")
    return {**roots, size: root(edge)}, kinds


def check_bundles(data, places, bundles, keys):
    """That each policy is, byte for byte, the one that the log accepted, and that the city signed it."""
    for position, (_, _, digest, _, _, _, signature, listed) in bundles.items():
        folder = f"bundles/{position:012}/"
        found = {name[len(folder) :]: data[places[name]] for name in places if name.startswith(folder)}
        wanted = {"manifest.json": digest, **({"signature": signature} if signature else {})}
        wanted.update({"files/" + quote(name).replace("..", "%2E%2E"): sha for name, sha in listed})
        same = {name: sha256(content).hexdigest() for name, content in found.items()} == wanted
        need(same, "edit", f"the bundle of entry {position} is not the one that was accepted")
        text, stamp = found["manifest.json"], base64.b64encode(found.get("signature", b""))
        if "files/tightened.json" in found:  # closed further by hand, over what the city signed
            text, stamp = found["files/signed/manifest.json"], found["files/signed/manifest.sig"]
        need(not keys or any(signs(key, stamp, text) for key in keys), "stranger", f"bundle {position}: not the city's")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive")
    parser.add_argument("--device-key", "--public-key", required=True, type=Path)
    parser.add_argument("--city-key", action="append", default=[], type=Path)
    parser.add_argument("--checkpoint", action="append", default=[], type=Path)
    given, kept = parser.parse_args(), []
    try:
        keys = [base64.b64decode(path.read_bytes()) for path in (given.device_key, *given.city_key)]
        device, *city = map(Ed25519PublicKey.from_public_bytes, keys)
        for text in map(Path.read_bytes, given.checkpoint):  # a signed note, or the lines that `homerule receive` keeps
            lines = [json.loads(line) for line in text.splitlines() if text[:1] == b"{"]
            kept += [note.encode() for one in lines for note in one.get("notes", [one.get("note")])] or [text]
        with open(given.archive, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            said, places = check_bytes(data, device)
            notes = [json.loads(line).encode() for line in data[places["checkpoints.jsonl"]].splitlines()]
            held = [open_checkpoint(note, device) for note in notes + kept]
            roots, kinds = check_log(data, said, places, {size for _, size, _ in held})
            same = said["origin"] == "homerule/{1}/{0}".format(*kinds["ledger"][0][3:5])
            need(same, "edit", "the entries are of another log")
            for origin, size, digest in held:
                need(origin, "stranger", "a checkpoint is not signed by the key that was given")
                need(origin == said["origin"], "fork", f"the key has also signed the log {origin}")
                need(size <= said["size"], "truncation", f"a checkpoint vouches for {size} entries, not {said['size']}")
                need(roots.get(size, digest) == digest, "fork", f"a checkpoint vouches for {size} other entries")
            new = {base64.b64decode(pin[2]) for pin in kinds["pinned"].values()} - {*keys[1:]}
            need(not (city and new), "stranger", "the log came to trust a city key that was not given")
            check_bundles(data, places, kinds["bundle"], city)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        sys.exit(f"what was given cannot be read: {error}")
    sys.stdout.write(f"ok: entries {said['first']} to {said['last'] - 1} of {said['size']} of {said['origin']}\n")
