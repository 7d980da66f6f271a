"""The names of PyTorch's own machinery that a checkpoint may hold, and what each stands for when it is read as data."""

from __future__ import annotations

import struct
from collections.abc import Callable

from sightline.models.importers.restricted_pickle import Shell, Symbol
from sightline.models.importers.stored_tensor import BFLOAT16, StoredTensor, tensor_of

__all__ = ["storage_dtype", "symbol_of"]

_DTYPES = {
    "float32": "float32", "float": "float32", "float16": "float16", "half": "float16", "float64": "float64",
    "double": "float64", "bfloat16": BFLOAT16, "int64": "int64", "long": "int64", "int32": "int32", "int": "int32",
    "int16": "int16", "short": "int16", "int8": "int8", "uint8": "uint8", "bool": "bool",
}  # fmt: skip
_STORAGES = {
    "FloatStorage": "float32", "HalfStorage": "float16", "DoubleStorage": "float64", "BFloat16Storage": BFLOAT16,
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "bool", "UntypedStorage": "uint8",
}  # fmt: skip
_SCALARS = {"f8": "d", "f4": "f", "i8": "q", "i4": "i", "u1": "B", "b1": "?"}

Arguments = tuple[object, ...]


def storage_dtype(symbol: object) -> str | None:
    """The dtype of a storage class; None where `symbol` is none."""
    if not isinstance(symbol, Symbol):
        return None
    package, _, name = symbol.name.rpartition(".")
    return _STORAGES.get(name) if package in ("torch", "torch.cuda", "torch.storage") else None


def symbol_of(module: str, name: str) -> Symbol | None:
    """What a name of Python, NumPy or torch that is plain data stands for; None for every other name."""
    full = f"{module}.{name}"
    if full in _CALLS:
        return Symbol(full, _CALLS[full])
    plain = (
        full in _PLAIN
        or (module == "torch" and name in _DTYPES)
        or storage_dtype(Symbol(full)) is not None
        or (module.startswith("torch.nn.modules.") and name.isidentifier())
    )
    return Symbol(full) if plain else None


def _tensor(arguments: Arguments) -> StoredTensor:
    storage, offset, shape, stride = arguments[:4]
    return tensor_of(storage, offset, shape, stride)


def _typed_tensor(arguments: Arguments) -> StoredTensor:
    storage, offset, shape, stride, _, _, dtype = arguments[:7]
    name = dtype.name.rpartition(".")[2] if isinstance(dtype, Symbol) else ""
    return tensor_of(storage, offset, shape, stride, _DTYPES[name])


def _parameter(arguments: Arguments) -> StoredTensor:
    tensor = arguments[0]
    if not isinstance(tensor, StoredTensor):
        raise ValueError("a parameter that holds no tensor")
    return tensor


def _dictionary(arguments: Arguments) -> dict[object, object]:
    if not arguments:
        return {}
    pairs = arguments[0]
    if not isinstance(pairs, list):
        raise ValueError("an ordered dictionary of something else than pairs")
    made: dict[object, object] = {}
    for pair in pairs:
        key, value = pair
        if not isinstance(key, (str, int)):
            raise ValueError("an ordered dictionary with a key that is no text")
        made[key] = value
    return made


def _size(arguments: Arguments) -> tuple[object, ...]:
    items = arguments[0] if arguments else ()
    if not isinstance(items, (tuple, list)):
        raise ValueError("a size that is no row of numbers")
    return tuple(items)


def _encoded(arguments: Arguments) -> bytes:
    text, codec = arguments
    if not isinstance(text, str) or codec not in ("latin1", "latin-1", "ascii", "utf-8"):
        raise ValueError("only plain text is encoded")
    return text.encode(str(codec))


def _no_bytes(arguments: Arguments) -> bytes:
    if arguments:
        raise ValueError("bytes are written as they are")
    return b""


def _number(arguments: Arguments) -> object:
    kind, data = arguments
    code = kind.arguments[0] if isinstance(kind, Shell) and kind.arguments else None
    form = _SCALARS.get(str(code))
    if form is None or not isinstance(data, bytes) or len(data) != struct.calcsize(form):
        return Shell("numpy.scalar")
    return struct.unpack("<" + form, data)[0]


def _method(arguments: Arguments) -> Shell:
    """A bound method, as `Model.fuse` of YOLOv5 and YOLOv7 leaves them in its layers: kept as its name."""
    owner, name = arguments
    if not isinstance(owner, Shell) or name not in ("fuseforward", "forward_fuse", "forward", "forward_once"):
        raise ValueError(f"no attribute {str(name)[:40]} is looked up here")
    return Shell("method", (name,))


def _members(arguments: Arguments) -> list[object]:
    members = arguments[0] if arguments else []
    if not isinstance(members, list):
        raise ValueError("a set of something else than a list")
    return members


_CALLS: dict[str, Callable[[Arguments], object]] = {
    "collections.OrderedDict": _dictionary,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _typed_tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch.nn.parameter.Parameter": _parameter,
    "torch.nn.parameter.Buffer": _parameter,
    "torch.Size": _size,
    "_codecs.encode": _encoded,
    "builtins.bytes": _no_bytes,
    "__builtin__.bytes": _no_bytes,
    "numpy.core.multiarray.scalar": _number,
    "numpy._core.multiarray.scalar": _number,
    "builtins.getattr": _method,
    "__builtin__.getattr": _method,
    "builtins.set": _members,
    "__builtin__.set": _members,
    "builtins.frozenset": _members,
}
_PLAIN = frozenset(
    [
        "torch.device",
        "torch.Tensor",
        "torch.Generator",
        "numpy.dtype",
        "numpy.ndarray",
        "numpy.core.multiarray._reconstruct",
        "numpy._core.multiarray._reconstruct",
        "pathlib.Path",
        "pathlib.PosixPath",
        "pathlib.WindowsPath",
        "pathlib.PurePosixPath",
        "pathlib.PureWindowsPath",
        "pathlib._local.PosixPath",
        "pathlib._local.WindowsPath",
        "argparse.Namespace",
        "collections.defaultdict",
        "collections.Counter",
        "datetime.datetime",
        "datetime.date",
        "builtins.list",
        "builtins.dict",
        "builtins.int",
        "builtins.float",
        "builtins.bool",
        "builtins.str",
        "builtins.tuple",
        "builtins.complex",
        "builtins.slice",
        "builtins.range",
        "__builtin__.list",
        "__builtin__.dict",
    ]
)
