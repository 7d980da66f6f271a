"""Files of torch.save, both forms, and safetensors: tensors come back; damage is told, quickly and in little memory."""

from __future__ import annotations

import json
import random
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch_files import MAGIC, STORAGES, Call, Encoder, Name, Persistent, save_legacy, save_zip

from sightline.errors import ModelError
from sightline.models.importers.checkpoint_origin import find_class
from sightline.models.importers.safetensors_file import read_safetensors
from sightline.models.importers.stored_tensor import StoredTensor
from sightline.models.importers.torch_file import open_torch


def load(path: Path) -> Any:
    """The value with its tensors as arrays."""
    with open_torch(path, lambda module, name: find_class(path.name, module, name)) as value:
        return arrays(value)


def arrays(value: Any) -> Any:
    if isinstance(value, StoredTensor):
        return value.array()
    if isinstance(value, dict):
        return {key: arrays(item) for key, item in value.items()}
    return value


@pytest.mark.parametrize("save", [save_zip, save_legacy])
@pytest.mark.parametrize("dtype", [d for d in STORAGES if d != "bfloat16"])
def test_tensors_come_back(tmp_path: Path, save: Any, dtype: str) -> None:
    array = (np.arange(24) % 2 if dtype == "bool" else np.arange(24)).reshape(2, 3, 4).astype(dtype)
    found = load(
        save(tmp_path / "a.pt", {"w": array, "n": np.zeros((0, 3), dtype), "s": array[0, 0, 0, None].reshape(())})
    )
    np.testing.assert_array_equal(found["w"], array)
    assert (found["w"].dtype, found["n"].shape, found["s"].shape) == (array.dtype, (0, 3), ())


def test_bfloat16_comes_as_float32(tmp_path: Path) -> None:
    values = np.array([1.0, -2.5, 3e38, 0.0078125], np.float32)
    bits = (values.view(np.uint32) >> 16).astype(np.uint16)
    path, encoder = tmp_path / "a.pt", Encoder()
    body = encoder.pickle({"w": encoder.tensor(bits, "bfloat16")})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", body)
        archive.writestr("x/data/0", bits.tobytes())
    np.testing.assert_array_equal(load(path)["w"], (bits.astype(np.uint32) << 16).view(np.float32))


def test_a_view_with_strides_comes_back(tmp_path: Path) -> None:
    base = np.arange(12, dtype=np.float32)
    tensor = Encoder()
    view = Call(
        Name("torch._utils", "_rebuild_tensor_v2"),
        (Persistent(("storage", Name("torch", "FloatStorage"), "0", "cuda:0", 12)), 1, (3, 2), (1, 4), False, None),
    )
    path = tmp_path / "a.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", tensor.pickle({"w": view}))
        archive.writestr("x/data/0", base.tobytes())
    np.testing.assert_array_equal(load(path)["w"], base[1:].reshape(-1)[np.array([[0, 4], [1, 5], [2, 6]])])


@pytest.mark.parametrize(
    ("shape", "stride", "offset", "count"),
    [
        ((4,), (1,), 0, 3),
        ((2,), (8,), 0, 8),
        ((1 << 30, 1 << 9), (0, 0), 0, 8),
        ((2,), (1,), 7, 8),
        ((8,), (1,), 0, 1 << 39),
    ],
)
def test_a_tensor_that_the_file_does_not_hold_is_refused(
    tmp_path: Path, shape: tuple[int, ...], stride: tuple[int, ...], offset: int, count: int
) -> None:
    storage = Persistent(("storage", Name("torch", "FloatStorage"), "0", "cpu", count))
    value = {"w": Call(Name("torch._utils", "_rebuild_tensor_v2"), (storage, offset, shape, stride, False, None))}
    path = tmp_path / "a.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", Encoder().pickle(value))
        archive.writestr("x/data/0", b"\0" * 32)
    with pytest.raises(ModelError, match=r"does not fit|cut off|no more than|bytes"):
        load(path)


def test_negative_sizes_and_strides_are_refused(tmp_path: Path) -> None:
    storage = Persistent(("storage", Name("torch", "FloatStorage"), "0", "cpu", 8))
    for shape, stride, offset in (((-1,), (1,), 0), ((2,), (-1,), 0), ((2,), (1,), -3), ((2, 2), (1,), 0)):
        call = Call(Name("torch._utils", "_rebuild_tensor_v2"), (storage, offset, shape, stride, False, None))
        with pytest.raises(ModelError, match="does not take"):
            load(save_zip(tmp_path / "a.pt", {"w": call}))


@pytest.mark.parametrize(
    ("identity", "why"),
    [
        ("file:///etc/passwd", "names no storage"),
        (("storage", Name("torch", "Size"), "0", "cpu", 1), "which is not read"),
        (("storage", Name("torch", "FloatStorage"), 3, "cpu", 1), "without a name or a size"),
        (("storage", Name("torch", "FloatStorage"), "0", "cpu", -1), "without a name or a size"),
    ],
)
def test_persistent_ids_are_checked(tmp_path: Path, identity: Any, why: str) -> None:
    with pytest.raises(ModelError, match=why):
        load(save_zip(tmp_path / "a.pt", {"w": Persistent(identity)}))


def test_a_storage_of_two_sizes_is_refused(tmp_path: Path) -> None:
    one, two = (Persistent(("storage", Name("torch", "FloatStorage"), "0", "cpu", n)) for n in (1, 2))
    with pytest.raises(ModelError, match="two sizes"):
        load(save_zip(tmp_path / "a.pt", [one, two]))


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = save_zip(tmp_path / "a.pt", b"\x80\x02" + b"0" * 50_000_000 + b".", compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelError, match="unpacks from"):
        load(path)
    array = np.zeros(30_000_000, np.uint8)
    with pytest.raises(ModelError, match="unpacks from"):
        load(save_zip(path, {"w": array}, compression=zipfile.ZIP_DEFLATED))


def test_other_zips_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    for members, why in (
        (["x/data.pkl", "y/data.pkl"], "2 members data.pkl"),
        (["readme.txt"], "0 members data.pkl"),
        (["x/data.pkl", "x/constants.pkl", "x/code/a.py"], "TorchScript"),
    ):
        with zipfile.ZipFile(path, "w") as archive:
            for member in members:
                archive.writestr(member, b"N.")
        with pytest.raises(ModelError, match=why):
            load(path)


@pytest.mark.parametrize("save", [save_zip, save_legacy])
def test_damage_is_a_model_error(tmp_path: Path, save: Any) -> None:
    whole = save(tmp_path / "a.pt", {"w": np.arange(40, dtype=np.float32), "names": ["a", "b"], "f": 1.5}).read_bytes()
    path, dice = tmp_path / "b.pt", random.Random(1)
    broken = [whole[:n] for n in range(0, len(whole), 7)]
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 6)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        broken.append(bytes(data))
    broken += [dice.randbytes(n) for n in (1, 50, 4096)]
    refused = 0
    for data in broken:
        path.write_bytes(data)
        try:
            load(path)
        except ModelError:
            refused += 1
    assert refused > len(broken) // 2


def test_the_older_form_states_what_is_wrong(tmp_path: Path) -> None:
    encoder, path = Encoder(), tmp_path / "a.pt"
    head = [MAGIC, 1001, {"little_endian": True}]
    cases = [
        ([{"a": 1}], "not a checkpoint written by torch.save"),
        ([MAGIC, 1000], "unknown version"),
        ([MAGIC, 1001, {"little_endian": False}], "big-endian"),
        ([*head, {"a": 1}, ["0"]], "names one that no tensor has"),
        ([*head, {"a": 1}], "not a pickle"),
    ]
    for values, why in cases:
        path.write_bytes(b"".join(map(encoder.pickle, values)))
        with pytest.raises(ModelError, match=why):
            load(path)
    path.write_bytes(b"")
    with pytest.raises(ModelError, match="empty"):
        load(path)


# -- safetensors -----------------------------------------------------------------------------------------------------


def safetensors(path: Path, table: dict[str, Any], data: bytes) -> Path:
    text = json.dumps(table).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def test_safetensors_come_back(tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.float16).reshape(2, 3)
    half = np.array([1.0, -2.0], np.float32)
    data = array.tobytes() + (half.view(np.uint32) >> 16).astype(np.uint16).tobytes()
    table = {
        "__metadata__": {"format": "pt"},
        "a": {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]},
        "b": {"dtype": "BF16", "shape": [2], "data_offsets": [12, 16]},
        "c": {"dtype": "I64", "shape": [], "data_offsets": [0, 8]},
    }
    found = read_safetensors(safetensors(tmp_path / "a.safetensors", table, data))
    np.testing.assert_array_equal(found["a"].array(), array)
    np.testing.assert_array_equal(found["b"].array(), half)
    assert found["c"].array().shape == ()


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"dtype": "F8", "shape": [1], "data_offsets": [0, 1]}, "type that is read"),
        ({"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}, "8 bytes for a tensor of 12"),
        ({"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}, "outside of the file"),
        ({"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}, "outside of the file"),
        ({"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}, "a size of -2"),
        ({"dtype": "F32", "shape": [1 << 39, 1 << 39], "data_offsets": [0, 8]}, "8 bytes for a tensor"),
        ({"dtype": "F32", "shape": "2", "data_offsets": [0, 8]}, "without a shape"),
        ([], "type that is read"),
    ],
)
def test_safetensors_with_a_wrong_row_are_refused(tmp_path: Path, row: Any, why: str) -> None:
    with pytest.raises(ModelError, match=why):
        read_safetensors(safetensors(tmp_path / "a.safetensors", {"w": row}, b"\0" * 8))


def test_damaged_safetensors_are_model_errors(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    for data in (b"", b"\0" * 8, b"\xff" * 8 + b"{}", struct.pack("<Q", 2) + b"[]", struct.pack("<Q", 4) + b"[[[["):
        path.write_bytes(data)
        with pytest.raises(ModelError, match=r"cut off|mapping|JSON"):
            read_safetensors(path)


# -- against torch ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("new", [True, False])
def test_files_of_torch_itself_come_back(tmp_path: Path, new: bool) -> None:
    torch = pytest.importorskip("torch", reason="torch, the reference, is not installed")
    value = {"a": torch.arange(12.0).reshape(3, 4).t(), "b": torch.ones(3, dtype=torch.bfloat16), "c": torch.tensor(5)}
    value["d"] = torch.nn.Parameter(torch.rand(2, 2).half())
    torch.save(value, tmp_path / "a.pt", _use_new_zipfile_serialization=new)
    found = load(tmp_path / "a.pt")
    for key, tensor in value.items():
        np.testing.assert_array_equal(found[key], tensor.detach().float().numpy().astype(found[key].dtype))
