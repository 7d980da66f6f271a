"""What is shipped is what its manifest says; a step of training learns; without PyTorch it says what to install."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml

import sightline
from sightline.sources.scene import LABELS
from sightline.training.judge import judge
from sightline.training.street import HELD_OUT, Recipe, held_out, train

SHIPPED = Path(sightline.__file__).parent / "assets" / "demo"
TINY = Recipe(width=128, height=64, streets=2, moments=3, minutes=0.02, batch=4)


class TestShipped:
    def test_is_small_and_says_what_it_is(self) -> None:
        weights = SHIPPED / "street.onnx"
        assert weights.stat().st_size <= 3_000_000
        model = onnx.load(str(weights))
        onnx.checker.check_model(model)
        facts = {p.key: p.value for p in model.metadata_props}
        assert facts["task"] == "detect"
        assert facts["names"] == "{0: 'person', 1: 'car', 2: 'bike'}"
        assert (SHIPPED / "labels.txt").read_text().split() == list(LABELS)
        assert model.opset_import[0].version >= 17

    def test_reaches_what_its_manifest_says(self) -> None:
        manifest = yaml.safe_load((SHIPPED / "model.yaml").read_text())
        said = manifest["metrics"]
        assert said["map50"] > 0.85
        marks = judge(SHIPPED / "street.onnx", held_out(Recipe(), 2, HELD_OUT[::3]), len(LABELS))
        # fewer pictures than the manifest's: a little more or less is chance
        assert marks.map50 == pytest.approx(said["map50"], abs=0.04)
        assert marks.map50_95 == pytest.approx(said["map50_95"], abs=0.05)

    def test_any_batch_gives_each_picture_its_own(self) -> None:
        import onnxruntime

        session = onnxruntime.InferenceSession(str(SHIPPED / "street.onnx"), providers=["CPUExecutionProvider"])
        pictures = np.stack([s.image for s in held_out(Recipe(), 1, HELD_OUT[:3])])
        tensor = (pictures.astype(np.float32) / 255).transpose(0, 3, 1, 2)
        together = np.asarray(session.run(None, {"images": tensor})[0])
        assert together.shape == (3, 7, 448 * 256 // 64 + 448 * 256 // 256 + 448 * 256 // 1024)
        for i in range(3):
            alone = np.asarray(session.run(None, {"images": tensor[i : i + 1]})[0])
            assert together[i] == pytest.approx(alone[0], abs=1e-2)


def test_without_pytorch_the_line_that_installs_it(tmp_path: Path) -> None:
    program = (
        "import runpy, sys; sys.modules['torch'] = None; "
        f"sys.argv = ['street', '--out', {str(tmp_path / 'out')!r}]; "
        "runpy.run_module('sightline.training.street', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["sightline: error: training needs PyTorch; install it with: pip install torch"]
    assert not (tmp_path / "out").exists()


class TestWithPyTorch:
    def test_a_few_steps_lower_the_loss(self) -> None:
        torch = pytest.importorskip("torch", reason="PyTorch is not installed")
        from sightline.training.frames import samples, stack
        from sightline.training.net import StreetNet, loss

        torch.manual_seed(0)
        images, labels, boxes = stack(samples(5, 4, 128, 64))
        x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
        net = StreetNet(len(LABELS), 64, 128)
        optimizer = torch.optim.AdamW(net.parameters(), 2e-3)
        values = []
        for _ in range(12):
            value = loss(net, x, torch.from_numpy(labels), torch.from_numpy(boxes))
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            values.append(float(value.detach()))
        assert values[-1] < 0.8 * values[0]

    def test_a_picture_without_anybody_is_a_finite_loss(self) -> None:
        torch = pytest.importorskip("torch", reason="PyTorch is not installed")
        from sightline.training.net import StreetNet, loss

        net = StreetNet(len(LABELS), 64, 128)
        value = loss(net, torch.zeros(2, 3, 64, 128), torch.full((2, 1), -2), torch.zeros(2, 1, 4))
        assert torch.isfinite(value)
        value.backward()

    def test_training_and_export_give_the_layout_that_is_read(self, tmp_path: Path) -> None:
        pytest.importorskip("torch", reason="PyTorch is not installed")
        pytest.importorskip("onnxruntime")
        import torch  # pyright: ignore[reportMissingImports]

        from sightline.training.export import export

        net = train(TINY)
        weights = tmp_path / "tiny.onnx"
        export(net, (TINY.width, TINY.height), LABELS, weights)
        x = torch.rand(2, 3, 64, 128)
        with torch.no_grad():
            wanted = net(x).numpy()
        import onnxruntime

        session = onnxruntime.InferenceSession(str(weights), providers=["CPUExecutionProvider"])
        assert np.asarray(session.run(None, {"images": x.numpy()})[0]) == pytest.approx(wanted, abs=1e-3)
