"""`sightline import` as a user runs it: files, folders, archives, URLs; and what is refused leaves nothing behind."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import shutil
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from commands import MODEL, sightline_command

ONNX = next(MODEL.glob("*.onnx"))


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; /moved leads to a file on the disk."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the test's output."""

    def do_GET(self) -> None:
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", "file:///etc/passwd")
            self.end_headers()
            return
        super().do_GET()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    folder = tmp_path / "www"
    folder.mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}", folder
        served.shutdown()
        thread.join()


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    shutil.copy(ONNX, folder / "cars.onnx")
    for side in ("model.yaml", "labels.txt"):
        shutil.copy(MODEL / side, folder / side)
    return folder


def manifest(bundle: Path) -> dict[str, object]:
    return yaml.safe_load((bundle / "model.yaml").read_text("utf-8"))


def test_a_model_becomes_a_bundle_that_runs(here: Path) -> None:
    said = sightline_command("import", "cars.onnx", "-o", "cars/", "--licence", "Apache-2.0", cwd=here)
    assert said.code == 0, said.text
    assert "written     cars" in said.out
    assert manifest(here / "cars")["licence"] == "Apache-2.0"
    (here / "cars.onnx").unlink()
    ran = sightline_command(
        "run", "cars", "synthetic://street?seed=3", "--limit", "3f", "--results", "-", "-q", cwd=here
    )
    assert ran.code == 0, ran.text
    assert [json.loads(line)["type"] for line in ran.out.splitlines()].count("frame") == 3


def test_the_bundle_has_the_models_name_where_none_is_given(here: Path) -> None:
    said = sightline_command("import", "cars.onnx", cwd=here)
    assert said.code == 0, said.text
    assert (here / "cars" / "cars.onnx").is_file()
    again = sightline_command("import", "cars.onnx", "--json", cwd=here)
    assert json.loads(again.out)["written"] == "cars"
    assert json.loads(again.out)["file"] == "cars/cars.onnx"
    shutil.copy(here / "cars.onnx", here / "cars-1.1.onnx")
    dotted = sightline_command("import", "cars-1.1.onnx", "--json", cwd=here)
    assert json.loads(dotted.out)["written"] == "cars-1.1"
    (here / "cars.onnx").rename(here / "vans.onnx")
    (here / "vans").mkdir()
    refused = sightline_command("import", "vans.onnx", cwd=here)
    assert refused.code == 2
    assert "-o NAME/" in refused.err


def test_labels_named_beside_the_model_are_its_labels(here: Path) -> None:
    (here / "model.yaml").unlink()
    names = ("Lastwagen", "Mensch", "öffentlicher Bus")
    (here / "woerter.names").write_text("\r\n".join(names), "utf-8-sig")
    said = sightline_command("import", "cars.onnx", "woerter.names", "-o", "b", cwd=here)
    assert said.code == 0, said.text
    assert manifest(here / "b")["labels"] == list(names)


def test_an_archive_and_a_url_and_its_secret(here: Path, server: tuple[str, Path]) -> None:
    url, www = server
    with zipfile.ZipFile(www / "model.zip", "w") as archive:
        for file in ("cars.onnx", "model.yaml", "labels.txt"):
            archive.write(here / file, f"export/{file}")
    digest = hashlib.sha256((www / "model.zip").read_bytes()).hexdigest()
    said = sightline_command(
        "import",
        f"{url}/model.zip?sig=SECRET&x=1",
        "--sha256",
        digest.upper(),
        "-o",
        "b.sightline",
        "--debug",
        cwd=here,
    )
    assert said.code == 0, said.text
    assert "SECRET" not in said.text
    packed = zipfile.ZipFile(here / "b.sightline")
    assert not any(b"SECRET" in packed.read(name) for name in packed.namelist())
    origin = yaml.safe_load(packed.read("model.yaml"))["origin"]
    assert origin["url"] == f"{url}/model.zip"
    assert (origin["url_sha256"], origin["checked"]) == (digest, True)
    loose = sightline_command("import", f"{url}/model.zip?sig=SECRET", "-o", "loose", cwd=here)
    assert loose.code == 0
    assert "nothing said which sha256" in loose.out
    assert "SECRET" not in loose.text
    assert "checked" not in json.dumps(manifest(here / "loose"))


def test_what_only_its_maker_runs_is_named_without_a_name_for_the_bundle(here: Path) -> None:
    (here / "cars.engine").write_bytes(b"")
    said = sightline_command("import", "cars.engine", cwd=here)
    assert said.code == 2
    assert "TensorRT engine" in said.err


def test_what_runs_a_url_must_be_imported_first(here: Path) -> None:
    for command, *more in (["inspect"], ["run", "synthetic://street"], ["verify"]):
        said = sightline_command(command, "https://host/model.zip?sig=SECRET", *more, cwd=here)
        assert said.code == 2, said.text
        assert "sightline import URL" in said.err
        assert "SECRET" not in said.text


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["{url}/model.zip", "--sha256", "0" * 64], 2, "its sha256 is"),
        (["{url}/model.zip", "--sha256", "12"], 2, "64 hex digits"),
        (["{url}/none.zip?sig=SECRET"], 1, "answers 404"),
        (["{url}/moved?sig=SECRET"], 1, "redirected"),
        (["http://127.0.0.1:9/m.zip?sig=SECRET"], 1, "cannot be fetched"),
        (["cars.onnx", "--sha256", "0" * 64], 2, "its sha256 is"),
        (["cars.onnx", "none.names"], 2, "no such file"),
        (["cars.onnx", "--labels", "none.txt"], 2, "none.txt"),
        (["nothing.onnx"], 2, "no such model file"),
        (["."], 2, "name the file"),
    ],
)
def test_what_cannot_be_imported_leaves_nothing(
    here: Path, server: tuple[str, Path], words: list[str], code: int, told: str
) -> None:
    url, www = server
    shutil.copy(here / "cars.onnx", here / "vans.onnx")
    (www / "model.zip").write_bytes(b"PK\x03\x04 not much")
    before = sorted(here.iterdir())
    said = sightline_command("import", *[word.format(url=url) for word in words], "-o", "bundle", cwd=here)
    assert said.code == code, said.text
    assert told in said.err
    assert "SECRET" not in said.text
    assert "Traceback" not in said.err
    assert sorted(here.iterdir()) == before
