"""The RTSP server that tests/rtsp.py starts, in the system's own Python: GStreamer is a Debian package, not a wheel.

Plays coded H.264 pictures in a loop at their pace, and obeys one JSON object a line on its standard input.
Ends with its standard input, so that none is left over when a test run is killed.
"""

import json
import random
import sys
import time
from pathlib import Path

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

PICTURE_START = b"\x00\x00\x00\x01\x09"
"""An access unit delimiter: one stands before each coded picture."""
LAUNCH = (
    "( appsrc name=pictures is-live=true do-timestamp=true format=time"
    " caps=video/x-h264,stream-format=byte-stream,alignment=au"
    " ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
)


class Player:
    """Feeds the pictures of the current clip to whoever watches.

    `in_step`: the clip goes on while nobody watches, so that two of the same length show the same at any moment.
    """

    def __init__(self, clip: str, fps: float, *, in_step: bool) -> None:
        self.in_step = in_step
        self.began = time.monotonic()
        self.source = None
        self.held = False
        self.spoilt = False
        self.fed = 0
        self.chance = random.Random(1)
        self.play(clip, fps)

    def play(self, clip: str, fps: float) -> None:
        """From its first picture on, which is a whole one."""
        self.pictures = [PICTURE_START + one for one in Path(clip).read_bytes().split(PICTURE_START)[1:]]
        self.fps, self.place = fps, 0

    def attach(self, _factory: object, media: object) -> None:
        """Somebody connected, and a pipeline was made for them."""
        self.source = media.get_element().get_by_name_recurse_up("pictures")

    def feed(self) -> bool:
        """Pushes one picture and comes again after its time."""
        if self.in_step:
            due = round((time.monotonic() - self.began) * self.fps) - self.fed
        else:
            due = int(self.source is not None and not self.held)
        for _ in range(due):
            picture = self.pictures[self.place]
            self.fed, self.place = self.fed + 1, (self.place + 1) % len(self.pictures)
            if self.source is not None and not self.held:
                self.source.emit("push-buffer", Gst.Buffer.new_wrapped(self.spoil(picture) if self.spoilt else picture))
        GLib.timeout_add(round(1000 / self.fps), self.feed)
        return False

    def spoil(self, picture: bytes) -> bytes:
        """The same length, and nothing in it that can be decoded."""
        return b"\x00\x00\x00\x01\x65" + self.chance.randbytes(max(1, len(picture) - 5)).replace(b"\x00", b"\x01")

    def obey(self, line: str) -> None:
        """`{"play": path, "fps": 25}`, `{"hold": true}` or `{"spoil": true}`."""
        order = json.loads(line)
        if "play" in order:
            self.play(order["play"], order["fps"])
        self.held = order.get("hold", self.held)
        self.spoilt = order.get("spoil", self.spoilt)


def login(server: object, factory: object, user: str, password: str, *, digest: bool) -> None:
    """Nobody is let in without this name and password."""
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth = GstRtspServer.RTSPAuth()
    if digest:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(user, password, token)
    else:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    allowed = GstRtspServer.RTSPPermissions()
    for what in ("media.factory.access", "media.factory.construct"):
        allowed.add_permission_for_role("viewer", what, True)
    factory.set_permissions(allowed)


def mounted(player: Player) -> object:
    """What gives a player's pictures to all who come."""
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(LAUNCH)
    factory.set_shared(True)
    factory.connect("media-configure", player.attach)
    return factory


def main() -> None:
    """One server, a stream at /stream1, perhaps a small one at /stream2; the first line of the input says how."""
    Gst.init(None)
    told = json.loads(sys.stdin.readline())
    loop = GLib.MainLoop()
    player = Player(told["play"], told["fps"], in_step="sub" in told)
    sub = Player(told["sub"], told["sub_fps"], in_step=True) if "sub" in told else None
    factory = mounted(player)
    server = GstRtspServer.RTSPServer()
    server.set_address(told["address"])
    server.set_service(str(told["port"]))
    if told["user"]:
        login(server, factory, told["user"], told["password"], digest=told["digest"])
    server.get_mount_points().add_factory("/stream1", factory)
    if sub is not None:
        server.get_mount_points().add_factory("/stream2", mounted(sub))
    if not server.attach(None):
        sys.exit("cannot listen")

    def on_input(_channel: object, _condition: object) -> bool:
        line = sys.stdin.readline()
        if not line:
            loop.quit()
            return False
        order = json.loads(line)
        if sub is not None and "hold sub" in order:
            sub.held = order["hold sub"]
        player.obey(line)
        return True

    GLib.io_add_watch(sys.stdin, GLib.IO_IN | GLib.IO_HUP, on_input)
    player.feed()
    if sub is not None:
        sub.feed()
    print("ready", flush=True)
    loop.run()


main()
