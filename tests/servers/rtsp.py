"""A small RTSP server for tests, run with a Python that has GStreamer: rtsp.py PORT. Prints "ready" when it listens.

/cam is a live test picture of 160x120 at 25 frames/s; /secret the same behind basic auth, user "eve", password
"sesame"; /audio has a tone and no picture.
"""

import sys

import gi  # pyright: ignore[reportMissingImports]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402  # pyright: ignore[reportMissingImports]

VIDEO = (
    "( videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=25/1 "
    "! x264enc tune=zerolatency key-int-max=10 speed-preset=ultrafast ! rtph264pay name=pay0 pt=96 )"
)
AUDIO = "( audiotestsrc is-live=true ! mulawenc ! rtppcmupay name=pay0 pt=0 )"


def mount(server: object, path: str, launch: str, *, guarded: bool = False) -> None:
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(launch)
    factory.set_shared(True)
    permissions = GstRtspServer.RTSPPermissions()
    for role in ("viewer", "anyone"):
        # Who may know of a guarded path but not use it is asked for a password instead of told that it is not there.
        permissions.add_permission_for_role(role, GstRtspServer.RTSP_PERM_MEDIA_FACTORY_ACCESS, True)
        allowed = role == "viewer" or not guarded
        permissions.add_permission_for_role(role, GstRtspServer.RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, allowed)
    factory.set_permissions(permissions)
    server.get_mount_points().add_factory(path, factory)  # type: ignore[attr-defined]


def guard(server: object) -> None:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "viewer")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic("eve", "sesame"), token)
    anyone = GstRtspServer.RTSPToken()
    anyone.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "anyone")
    auth.set_default_token(anyone)
    server.set_auth(auth)  # type: ignore[attr-defined]


def main() -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(sys.argv[1])
    mount(server, "/cam", VIDEO)
    mount(server, "/audio", AUDIO)
    mount(server, "/secret", VIDEO, guarded=True)
    guard(server)
    if not server.attach(None):
        sys.exit("the port is taken")
    print("ready", flush=True)
    GLib.MainLoop().run()


main()
