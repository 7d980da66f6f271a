"""A command's name and words -> its exit code. The edge where every error becomes one or two lines on stderr."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import typer
from typer.exceptions import TyperException

from sightline.cli import COMMANDS
from sightline.errors import Interrupted, SightlineError, StreamError, UsageError, hide_credentials

__all__ = ["invoke", "report"]


def invoke(name: str, words: Sequence[str], debug: bool = False) -> int:
    """Run command `name` with `words`; never raises."""
    try:
        return _run(name, words)
    except BaseException as error:  # noqa: BLE001  the edge: whatever comes, people get a line and a code
        if debug and not isinstance(error, (SystemExit, KeyboardInterrupt)):
            traceback.print_exception(error)
        return report(error, name)


def _run(name: str, words: Sequence[str]) -> int:
    code = _parser(name)(list(words))
    if sys.stdout is not None:  # closed before we were started
        sys.stdout.flush()  # a reader that went away shows here, not at exit
    return code if isinstance(code, int) else 0


def _parser(name: str) -> Callable[[list[str]], object]:
    if not name:
        raise UsageError("which command? sightline --help lists them")
    if name not in COMMANDS:
        from sightline.parts import did_you_mean

        raise UsageError(f"there is no command {name!r}{did_you_mean(name, tuple(COMMANDS))}")
    app = typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.command(help=COMMANDS[name][1])(_function(COMMANDS[name][0]))
    parser = typer.main.get_command(app)
    return lambda words: parser.main(words, prog_name=f"sightline {name}", standalone_mode=False)


def _function(module: str) -> Callable[..., Any]:
    function: Callable[..., Any] = import_module(module).command
    return function


def report(error: BaseException, name: str = "") -> int:
    """Say what went wrong on stderr; returns the exit code."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if isinstance(error, typer.Abort | KeyboardInterrupt | Interrupted):
        _say("stopped")
        return 130
    if _reader_gone(error):
        # what is still in the buffer has nowhere to go; without this the interpreter complains at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    if isinstance(error, SightlineError):
        _say(str(error))
        return error.exit_code
    if isinstance(error, TyperException):
        said = error.format_message().replace("Input should be", "expected").split(", unable to parse")[0]
        _say(f"{name}: {_lower(said)}", f"sightline {name} --help lists what it takes")
        return 2
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        _say(f"{str(error.filename)[:60]}...: the name is too long for this file system; choose a shorter one")
        return 2
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        _say(f"{error.strerror.lower()}{where}")
        return 1
    _say(f"unexpected: {type(error).__name__}: {error}".rstrip(": "), "--debug shows where")
    return 1


def _reader_gone(error: BaseException | None) -> bool:
    """Did somebody close our stdout (`| head`)? Sinks may have wrapped that in an error of their own."""
    while error is not None and not isinstance(error, StreamError):
        if isinstance(error, BrokenPipeError):
            return True
        error = error.__cause__
    return False


def _say(message: str, cure: str = "") -> None:
    lines = [line for line in hide_credentials(message).strip().splitlines() if line.strip()][:2] or ["failed"]
    if cure and len(lines) == 1:
        lines.append(cure)
    print(f"sightline: error: {lines[0]}", *(f"  {line.strip()}" for line in lines[1:]), sep="\n", file=sys.stderr)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
