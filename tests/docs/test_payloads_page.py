"""docs/payloads.md: its pipeline writes and posts what it says, and its options are those that exist."""

from __future__ import annotations

import json
import re
import shlex
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from sightline.cli import main
from sightline.parts import options_of
from sightline.plugins import known

PAGE = (Path(__file__).parents[2] / "docs" / "payloads.md").read_text("utf-8")


def test_the_pipeline_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    posted: list[dict[str, object]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Authorization"] == "Bearer a-secret"
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOOK_TOKEN", "a-secret")
    (tmp_path / "street").symlink_to(Path(str(files("sightline") / "assets" / "demo")), target_is_directory=True)
    config = yaml.safe_load(re.findall(r"```yaml\n(.*?)\n```", PAGE, re.S)[0])
    config["streams"] = [{"id": "yard.mp4", "url": "synthetic://street?seed=5&seconds=2"}]
    config["sinks"][3]["url"] = f"http://127.0.0.1:{server.server_port}/hook"
    (tmp_path / "yard.yaml").write_text(yaml.safe_dump(config))
    (command,) = re.findall(r"```sh\n(.*?)\n```", PAGE, re.S)
    try:
        assert main(shlex.split(command)[1:]) == 0
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    minimal = [json.loads(line) for line in Path("minimal.jsonl").read_text().splitlines()]
    assert posted == minimal
    assert len(minimal) > 20
    assert list(minimal[0]) == ["version", "id", "@timestamp", "sensorId", "objects"]
    assert all(re.fullmatch(r"\d+(\|[\d.]+){4}\|\w+\|#\|{7}[\d.e-]+", o) for m in minimal for o in m["objects"])
    full = [json.loads(line) for line in Path("full.jsonl").read_text().splitlines()]
    assert len(full) == sum(len(message["objects"]) for message in minimal)
    assert full[0]["sensor"]["id"] == "CAM-7"
    assert full[0]["place"]["name"] == "Yard"
    assert {"vehicle", "person"} & set(full[0]["object"])
    sent = [json.loads(line) for line in Path("accelerator.jsonl").read_text().splitlines()]
    assert [message["inferences"][-1]["sourceInfo"]["frameId"] for message in sent] == [0, 30]
    assert sent[0]["inferences"][0]["id"] == "Yard"


@pytest.mark.parametrize(
    ("kind", "name"),
    [("payload", "deepstream"), ("payload", "deepstream-minimal"), ("payload", "accelerator"), ("sink", "webhook")],
)
def test_every_option_is_on_the_page(kind: str, name: str) -> None:
    for option in options_of(kind, name):
        assert f"`{option.name}`" in PAGE, option.name
    assert all(f"`{payload}`" in PAGE for payload in known("payload"))
