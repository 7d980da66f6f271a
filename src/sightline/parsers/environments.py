"""Private environments for user code: what its requirements.txt asks for, over the packages of this Python."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import site
import subprocess
import sys
import tempfile
from pathlib import Path

import sightline
from sightline.errors import UsageError
from sightline.parsers.code import Code
from sightline.parsers.requirements import FILE

__all__ = ["environment_of", "python_of"]

_MAKING_S = 120.0
_INSTALLING_S = 1800.0


def python_of(code: Code) -> str:
    """The Python that runs the code; "" for this one. Makes the environment where it is asked for and not there yet."""
    asked = code.folder / FILE
    if not code.environment or not asked.is_file():
        return ""
    return str(environment_of(asked) / "bin" / "python")


def environment_of(requirements: Path) -> Path:
    """The folder of the environment for a file: named by its content, kept in the user's cache folder.

    Raises UsageError where it cannot be made, with pip's last words.
    """
    key = requirements.read_bytes() + f"\0{sys.version}\0{sys.prefix}".encode()
    folder = _home() / hashlib.sha256(key).hexdigest()[:16]
    if (folder / "bin" / "python").exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    try:
        _make(making, requirements)
        try:
            making.rename(folder)
        except OSError:
            if not (folder / "bin" / "python").exists():  # else somebody was faster
                raise
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return folder


def _home() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "sightline" / "environments"


def _make(folder: Path, requirements: Path) -> None:
    ours_has_pip = importlib.util.find_spec("pip") is not None
    without = ["--without-pip"] if ours_has_pip else []
    _run([sys.executable, "-m", "venv", *without, str(folder)], _MAKING_S, requirements)
    python = folder / "bin" / "python"
    packages = next((folder / "lib").glob("python*")) / "site-packages"
    source = Path(sightline.__file__).parents[1]
    ours = [entry for entry in [*site.getsitepackages(), *_user_packages(), str(source)] if Path(entry).is_dir()]
    # After its own packages, so that those go first.
    (packages / "zz_sightline.pth").write_text("\n".join(dict.fromkeys(ours)) + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(python)] if ours_has_pip else [str(python), "-m", "pip"]
    _run(
        [*pip, "install", "--disable-pip-version-check", "--no-input", "-r", str(requirements.absolute())],
        _INSTALLING_S,
        requirements,
    )


def _user_packages() -> list[str]:
    return [site.getusersitepackages()] if site.ENABLE_USER_SITE else []


def _run(command: list[str], limit_s: float, requirements: Path) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=limit_s, stdin=subprocess.DEVNULL, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise UsageError(f"{requirements}: its environment was not made within {limit_s:g} s") from error
    except OSError as error:
        raise UsageError(f"{requirements}: its environment cannot be made: {error}") from error
    if done.returncode:
        words = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        told = next((line for line in words if "ERROR" in line or "rror:" in line), words[-1] if words else "no words")
        raise UsageError(f"{requirements}: its environment cannot be made: {told[:300]}")
