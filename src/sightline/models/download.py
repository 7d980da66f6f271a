"""A URL -> a file, with its hash; what stands behind the question mark is used and never kept or shown."""

from __future__ import annotations

import base64
import hashlib
import http.client
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit, urlunsplit

from sightline.errors import ModelError, StreamError, UsageError

__all__ = ["Download", "download", "is_url", "shown_url"]

_MOST_BYTES = 4 << 30
_TIMEOUT_S = 30.0
_STEP = 1 << 20


@dataclass(frozen=True, slots=True)
class Download:
    """path: where it lies. url: without query and credentials. sha256: of its bytes; checked: against the user's."""

    path: Path
    url: str
    sha256: str
    checked: bool


def is_url(text: str) -> bool:
    """Whether it names a model on the net."""
    return text.lower().startswith(("http://", "https://"))


def shown_url(url: str) -> str:
    """The URL without credentials, query and fragment: what may be kept and shown."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def _request(url: str) -> urllib.request.Request:
    """A user and password in the address become basic authentication, which no redirection is given."""
    parts = urlsplit(url)
    credentials, at, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(urlunsplit(parts._replace(netloc=host)), headers={"User-Agent": "sightline"})
    if at:
        basic = base64.b64encode(unquote(credentials).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {basic}")
    return request


def download(url: str, into: Path, sha256: str = "") -> Download:
    """Fetches `url` into the folder `into`.

    Raises UsageError for what is no such URL, StreamError where it cannot be fetched, ModelError where the hash is
    not `sha256` (64 hex digits) or it is larger than 4 GiB.
    """
    try:
        shown = shown_url(url)
    except ValueError as error:
        raise UsageError(f"{url.partition(':')[0]}: no URL that can be fetched: {error}") from error
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    try:
        request = _request(url)
        with urllib.request.build_opener(_SameKind()).open(request, timeout=_TIMEOUT_S) as answer:
            name = _name(answer.headers, name)
            path = into / name
            digest = _save(answer, path, shown)
    except urllib.error.HTTPError as error:
        # the text of a refused redirection holds the new address, secrets and all
        moved = "and is redirected to something that is not https" if error.code in range(300, 400) else error.reason
        raise StreamError(f"{shown}: the server answers {error.code} {moved}") from error
    except http.client.InvalidURL as error:  # its text holds what stands before the host
        raise UsageError(f"{shown}: no valid address: blanks, or a port that is no number") from error
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise StreamError(f"{shown}: cannot be fetched: {reason}") from error
    except ValueError as error:
        raise UsageError(f"{shown}: no URL that can be fetched") from error
    if sha256 and digest != sha256.lower():
        path.unlink(missing_ok=True)
        raise ModelError(f"{shown}: its sha256 is {digest}, not {sha256.lower()}\nit was changed, or is another file")
    return Download(path, shown, digest, bool(sha256))


class _SameKind(urllib.request.HTTPRedirectHandler):
    """Follows redirections to http and https only, and never from https down to http."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: object,
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if not is_url(newurl) or (req.full_url.lower().startswith("https:") and newurl.lower().startswith("http:")):
            raise urllib.error.URLError("it is redirected to something that is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _name(headers: Message, name: str) -> str:
    """What the server calls the file, else the last word of the path; a bare file name in any case."""
    told = headers.get_filename()
    if told and PurePosixPath(told).suffix:
        name = PurePosixPath(told.replace("\\", "/")).name
    return name.lstrip(".").replace("\0", "") or "model"


def _save(answer: http.client.HTTPResponse, path: Path, shown: str) -> str:
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as file:
        while chunk := answer.read(_STEP):
            size += len(chunk)
            if size > _MOST_BYTES:
                raise ModelError(f"{shown}: is larger than {_MOST_BYTES >> 30} GiB")
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()
