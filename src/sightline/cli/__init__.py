"""The `sightline` command: names a command, and only then imports what it needs.

Importing everything at the start would make `sightline --help` slow; so the list below is all there is until then.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["COMMANDS", "main"]

# name: (module that holds `command`, one line of help)
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("sightline.cli.demo", "detect, track and count in a street scene we ship; no downloads"),
    "run": ("sightline.cli.run", "a model on videos, pictures or streams: annotated video, results, counts"),
    "import": ("sightline.cli.import_model", "a model in any form -> one bundle that every command takes"),
    "inspect": ("sightline.cli.inspect", "what a model file says of itself, and what it leaves open"),
    "verify": ("sightline.cli.verify", "two forms of a model over the same pictures: how far they agree"),
    "gallery": ("sightline.cli.gallery", "pictures of those who are known -> a file of their vectors"),
    "convert": ("sightline.cli.convert", "another form of a model: IR, ONNX, 16 or 8 bits, archives; certified"),
    "check": ("sightline.cli.check", "judge a pipeline file without touching a camera or the network"),
    "explain": ("sightline.cli.explain", "what a DeepStream file would do here, key by key; nothing is run"),
    "migrate": ("sightline.cli.migrate", "a DeepStream application's file -> a pipeline file of our own"),
    "grid": ("sightline.cli.grid", "a frame with a coordinate grid, to place lines and zones"),
    "track": ("sightline.cli.track", "a tracker over detections in MOTChallenge text"),
    "bench": ("sightline.cli.bench", "frames/s, CPU a stage, share of the physical limit"),
    "env": ("sightline.cli.env", "versions, CPU features, devices: what a bug report needs"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 failed while running, 2 bad usage or input, 130 Ctrl-C."""
    words = list(sys.argv[1:] if argv is None else argv)
    words, debug = _without_debug(words)
    if words[:1] in (["-h"], ["--help"], ["help"]):
        print(_help())
        return 0
    if words[:1] in (["-V"], ["--version"]):
        from sightline import __version__

        print(f"sightline {__version__}")
        return 0
    from sightline.cli.invoke import invoke

    return invoke(words[0] if words else "", words[1:], debug)


def _without_debug(words: list[str]) -> tuple[list[str], bool]:
    """`--debug` may stand before or after the command, but not after `--`."""
    end = words.index("--") if "--" in words else len(words)
    kept = [word for word in words[:end] if word != "--debug"]
    return kept + words[end:], len(kept) != end


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {text}" for name, (_, text) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: sightline COMMAND ...",
            "",
            "Your own vision model on your own video.",
            "",
            *lines,
            "",
            "sightline COMMAND --help says more; --version; --debug shows where an error comes from.",
        ]
    )
