"""The JSON Schema of `model.yaml`, made from the model that reads it: `python -m sightline.models.manifest_schema`."""

from __future__ import annotations

import json

from sightline.models.manifest import Manifest

__all__ = ["manifest_schema"]


def manifest_schema() -> dict[str, object]:
    """What editors and other programs check a manifest with."""
    made = Manifest.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:sightline:model:1",
        **made,
        "title": "Sightline model.yaml, version 1",
    }


if __name__ == "__main__":
    print(json.dumps(manifest_schema(), indent=2))
