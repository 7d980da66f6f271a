"""What may be shown of a value."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.errors import hide_credentials
from sightline.foreign.secrets import hidden, shown, with_credentials


@pytest.mark.parametrize(
    "key",
    ["uname", "password", "PASSWORD", "username", "sig", "IOTHUB_DEVICE_CONNECTION_STRING", "BLOB_STORAGE_ACCOUNT_KEY",
     "accountKey", "apiKey", "user-pw", "a.b.password", "token"],
)  # fmt: skip
def test_keys_that_hold_secrets(key: str) -> None:
    assert hidden(key)
    assert shown(key, "x") == "***"
    assert shown(key, "") == ""


@pytest.mark.parametrize("key", ["name", "configId", "label", "key", "endpoint", "address", "passthrough"])
def test_keys_that_hold_none(key: str) -> None:
    assert not hidden(key)
    assert shown(key, "plain text") == "plain text"


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://user:SECRET@host/x",
        "rtsp://us@er:SEC@RET@host/x",
        "https://h/a.zip?sv=2020&sig=SECRET%3D&se=1",
        "rtspsrc location=rtsp://a:SECRET@h ! x",
        'rtspsrc user-id=me user-pw="SECRET" ! x',
        "rtspsrc user-pw='SECRET' location=rtsp://h",
        "rtspsrc user-pw = 'SECRET",
        "HostName=h;DeviceId=d;SharedAccessKey=SECRET=",
        "DefaultEndpointsProtocol=https;AccountName=n;AccountKey=SECRET==;EndpointSuffix=s",
        "IOTHUB_DEVICE_CONNECTION_STRING=SECRET",
    ],
)
def test_secrets_within_a_text(text: str) -> None:
    said = shown("value", text)
    assert "SECRET" not in said
    assert "RET" not in said
    assert "***" in said


@given(st.text(min_size=1, max_size=12), st.text(max_size=12))
def test_any_user_and_password_fit_into_an_address(user: str, password: str) -> None:
    try:
        url = with_credentials("rtsp://old:one@host:554/path", user, password)
    except UnicodeEncodeError:
        return
    parts = urlsplit(url)
    assert (parts.hostname, parts.port, parts.path) == ("host", 554, "/path")
    assert hide_credentials(url) == "rtsp://***@host:554/path"


def test_without_a_user_an_address_stays() -> None:
    assert with_credentials("rtsp://old:one@host/x", "", "p") == "rtsp://old:one@host/x"
    assert with_credentials("rtsp://host/x", "a b", "c/d@e") == "rtsp://a%20b:c%2Fd%40e@host/x"
