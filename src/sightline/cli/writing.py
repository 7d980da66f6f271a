"""A converted model -> what the user asked for: a bundle, an NN Archive, a Triton repository, a blob."""

from __future__ import annotations

from pathlib import Path

from sightline.errors import UsageError
from sightline.models.bundle import full_manifest, write_bundle
from sightline.models.identify import Identified
from sightline.models.manifest import RunPreference
from sightline.models.verify import Certificate

__all__ = ["TARGETS", "default_output", "write_form"]

TARGETS = ("openvino", "onnx", "fp16", "int8", "nnarchive", "triton", "blob")
_ENDINGS = {"nnarchive": ".tar.xz", "blob": ".blob"}


def default_output(found: Identified, to: str) -> Path:
    """Where it goes if nobody says. Raises UsageError where something is there."""
    target = Path(f"{found.spec.name or 'model'}-{to}{_ENDINGS.get(to, '')}")
    if target.exists() and not (target / "model.yaml").is_file():
        raise UsageError(f"{target}: is there already; name another with -o")
    return target


def write_form(
    model: Identified, to: str, target: Path, certificate: Certificate, room: Path, shaves: int, run: tuple[str, str]
) -> tuple[Path, tuple[str, ...]]:
    """Writes `model` as `to` at `target`; returns where, and what there is to say of it.

    Raises OutputError, UsageError, ModelError.
    """
    model = model.stating(_told(model, certificate, run))
    if to == "nnarchive":
        from sightline.models.forms.write_nn_archive import write_nn_archive

        return target, write_nn_archive(model.spec, model.weights, target, full_manifest(model))
    if to == "triton":
        from sightline.models.forms.write_triton import write_triton

        return target, write_triton(model.spec, model.weights, target, full_manifest(model))
    if to == "blob":
        from sightline.models.forms.write_blob import write_blob

        return write_blob(model.weights, target, room, shaves), ()
    return write_bundle(model, target), ()


def _told(model: Identified, certificate: Certificate, run: tuple[str, str]) -> dict[str, object]:
    """The certificate, and what it is best run with, as a manifest says them."""
    told: dict[str, object] = {
        "agreement": round(certificate.agreement.share, 4),
        "frames": len(certificate.agreement.frames),
        "milliseconds": {side: round(ms, 2) for side, ms in certificate.speed.items()},
    }
    runtime, precision = ("" if word == "auto" else word for word in run)
    metrics = {**model.arrived.stated.metrics, "certificate": told}
    return {"metrics": metrics, "run": RunPreference(runtime=runtime, precision=precision)}
