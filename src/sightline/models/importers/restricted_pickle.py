"""Reads a pickle as data: an interpreter of its opcodes that never calls, imports or looks up anything.

A class that a pickle names becomes an inert `Shell` (or a value that one of our own few rebuild functions makes), and
only if `find` knows its name; every other name is refused by `find`. Opcodes: the Python documentation of pickletools.
"""

from __future__ import annotations

import io
import pickletools
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from sightline.errors import ModelError

__all__ = ["Shell", "Symbol", "read_pickle"]

_MAX_OPERATIONS = 4_000_000  # the largest public checkpoints, optimiser included, stay below a tenth of this
_MARK = object()
_SCALARS = (str, bytes, int, float, bool, type(None))


@dataclass(frozen=True, slots=True)
class Symbol:
    """A class or function that a pickle names. rebuild: what stands for a call of it; None: a Shell does."""

    name: str
    rebuild: Callable[[tuple[object, ...]], object] | None = None


@dataclass(slots=True, eq=False, repr=False)
class Shell:
    """An object of the pickle, inert: the name of its class, and what it was made of.

    arguments: of the call that would have made it. attributes: its instance dictionary. state: any other state.
    """

    kind: str
    arguments: tuple[object, ...] = ()
    attributes: dict[str, object] = field(default_factory=dict[str, object])
    state: object = None


def read_pickle(
    stream: io.BytesIO,
    find: Callable[[str, str], Symbol],
    persistent: Callable[[object], object],
    where: str,
) -> object:
    """The value of the next pickle of `stream`, which stands behind it afterwards.

    find: (module, name) to Symbol; raises ModelError for a name that has no place here. persistent: the object of a
    persistent id. where: named in errors. Raises ModelError; nothing else, whatever the bytes.
    """
    machine = _Machine(find, persistent, where)
    try:
        with warnings.catch_warnings():
            # of a text with an escape that Python does not know
            warnings.simplefilter("ignore", DeprecationWarning)
            for count, (opcode, argument, position) in enumerate(pickletools.genops(stream)):
                if count > _MAX_OPERATIONS:
                    raise ModelError(
                        f"{where}: more than {_MAX_OPERATIONS} pickle operations; no checkpoint has so many"
                    )
                machine.position = position or 0
                machine.step(opcode.name, argument)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
        if isinstance(error, ModelError):
            raise
        reason = " ".join(str(error).split())[:120]
        raise ModelError(f"{where}: not a pickle, or a damaged one: byte {machine.position}: {reason}") from error
    return machine.result


@dataclass(slots=True)
class _Machine:
    find: Callable[[str, str], Symbol]
    persistent: Callable[[object], object]
    where: str
    position: int = 0
    result: object = None
    stack: list[object] = field(default_factory=list[object])
    memo: dict[object, object] = field(default_factory=dict[object, object])

    def step(self, name: str, argument: object) -> None:
        if name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _VALUES:
            self.stack.append(argument)
        elif name in _EMPTY:
            self.stack.append(_EMPTY[name]())
        elif name in _MEMO_READ:
            self.stack.append(self.memo[argument])
        elif name in _MEMO_WRITE:
            self.memo[len(self.memo) if name == "MEMOIZE" else argument] = self._top()
        elif name in _ACTIONS:
            _ACTIONS[name](self)
        elif name in ("GLOBAL", "INST"):
            module, _, attribute = str(argument).partition(" ")
            self.stack.append(self.find(module, attribute))
            if name == "INST":
                self._call(self.stack.pop(), self._since_mark())
        elif name == "PERSID":
            self.stack.append(self.persistent(argument))
        elif name not in ("PROTO", "FRAME"):
            self.refuse(f"opcode {name} has no place in a checkpoint")

    def refuse(self, why: str) -> NoReturn:
        raise ModelError(f"{self.where}: byte {self.position} of its pickle: {why}")

    def _top(self) -> object:
        if not self.stack or self.stack[-1] is _MARK:
            self.refuse("a value is missing on the stack")
        return self.stack[-1]

    def _pop(self) -> object:
        value = self._top()
        self.stack.pop()
        return value

    def _since_mark(self) -> list[object]:
        for place in range(len(self.stack) - 1, -1, -1):
            if self.stack[place] is _MARK:
                found = self.stack[place + 1 :]
                del self.stack[place:]
                return found
        self.refuse("a mark is missing on the stack")

    def stop(self) -> None:
        self.result = self._pop()

    def mark(self) -> None:
        self.stack.append(_MARK)

    def pop(self) -> None:
        self.stack.pop()

    def pop_mark(self) -> None:
        self._since_mark()

    def duplicate(self) -> None:
        self.stack.append(self._top())

    def tuple_of(self, count: int) -> None:
        items = [self._pop() for _ in range(count)]
        self.stack.append(tuple(reversed(items)))

    def tuple_marked(self) -> None:
        self.stack.append(tuple(self._since_mark()))

    def list_marked(self) -> None:
        self.stack.append(self._since_mark())

    def dict_marked(self) -> None:
        items = self._since_mark()
        made: dict[object, object] = {}
        self._put(made, items)
        self.stack.append(made)

    def set_marked(self) -> None:
        # a set is kept as a list: its members need not be fit for a key, and nothing here looks one up
        self.stack.append(self._since_mark())

    def append(self) -> None:
        self._extend([self._pop()])

    def appends(self) -> None:
        self._extend(self._since_mark())

    def _extend(self, items: list[object]) -> None:
        target = self._top()
        if not isinstance(target, list):
            self.refuse(f"items are added to a {_kind(target)}, which is no list")
        target.extend(items)

    def set_item(self) -> None:
        value, key = self._pop(), self._pop()
        self._put(self._top(), [key, value])

    def set_items(self) -> None:
        items = self._since_mark()
        self._put(self._top(), items)

    def _put(self, target: object, items: list[object]) -> None:
        if not isinstance(target, dict) or len(items) % 2:
            self.refuse(f"keys are set on a {_kind(target)}, which is no dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not _fit_for_key(key):
                self.refuse(f"a {_kind(key)} is used as a key")
            target[key] = value

    def stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            self.refuse("a class is named by something else than two texts")
        self.stack.append(self.find(module, name))

    def reduce(self) -> None:
        arguments, function = self._pop(), self._pop()
        self._call(function, arguments)

    def new_object(self) -> None:
        arguments, kind = self._pop(), self._pop()
        self._call(kind, arguments)

    def new_object_named(self) -> None:
        keywords, arguments, kind = self._pop(), self._pop(), self._pop()
        if keywords:
            self.refuse("an object is made with keyword arguments")
        self._call(kind, arguments)

    def object_marked(self) -> None:
        items = self._since_mark()
        self._call(items[0] if items else None, items[1:])

    def _call(self, function: object, arguments: object) -> None:
        if not isinstance(function, Symbol):
            self.refuse(f"a {_kind(function)} is called, which is no class of a checkpoint")
        if not isinstance(arguments, (tuple, list)):
            self.refuse(f"{function.name} is called with a {_kind(arguments)} in place of its arguments")
        if function.rebuild is None:
            self.stack.append(Shell(function.name, tuple(arguments)))
            return
        try:
            self.stack.append(function.rebuild(tuple(arguments)))
        except (ValueError, TypeError, IndexError, KeyError) as error:
            self.refuse(f"{function.name} is called with arguments that it does not take: {str(error)[:100]}")

    def build(self) -> None:
        state, target = self._pop(), self._top()
        if not isinstance(target, Shell):
            return  # such as the _metadata of a state_dict: nothing that is needed
        slots: object = None
        if isinstance(state, tuple) and len(state) == 2 and (state[0] is None or isinstance(state[0], dict)):
            state, slots = state
        for part in (state, slots):
            if isinstance(part, dict):
                target.attributes.update({k: v for k, v in part.items() if isinstance(k, str)})
            elif part is not None:
                target.state = part

    def persistent_marked(self) -> None:
        self.stack.append(self.persistent(self._pop()))


def _kind(value: object) -> str:
    if isinstance(value, Symbol):
        return value.name
    return value.kind if isinstance(value, Shell) else type(value).__name__


def _fit_for_key(key: object) -> bool:
    # a deep or shared tuple could take for ever to hash
    flat = isinstance(key, tuple) and all(isinstance(part, _SCALARS) for part in key)
    return flat or isinstance(key, (*_SCALARS, Shell))


_CONSTANTS: dict[str, object] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, Callable[[], object]] = {
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
    "EMPTY_SET": list,
}
_VALUES = frozenset(
    [
        "INT",
        "BININT",
        "BININT1",
        "BININT2",
        "LONG",
        "LONG1",
        "LONG4",
        "FLOAT",
        "BINFLOAT",
        "STRING",
        "BINSTRING",
        "SHORT_BINSTRING",
        "UNICODE",
        "BINUNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE8",
        "BINBYTES",
        "SHORT_BINBYTES",
        "BINBYTES8",
        "BYTEARRAY8",
    ]
)
_MEMO_READ = frozenset(("GET", "BINGET", "LONG_BINGET"))
_MEMO_WRITE = frozenset(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"))
_ACTIONS: dict[str, Callable[[_Machine], None]] = {
    "STOP": _Machine.stop,
    "MARK": _Machine.mark,
    "POP": _Machine.pop,
    "POP_MARK": _Machine.pop_mark,
    "DUP": _Machine.duplicate,
    "TUPLE": _Machine.tuple_marked,
    "TUPLE1": lambda machine: machine.tuple_of(1),
    "TUPLE2": lambda machine: machine.tuple_of(2),
    "TUPLE3": lambda machine: machine.tuple_of(3),
    "LIST": _Machine.list_marked,
    "DICT": _Machine.dict_marked,
    "FROZENSET": _Machine.set_marked,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "ADDITEMS": _Machine.appends,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "STACK_GLOBAL": _Machine.stack_global,
    "REDUCE": _Machine.reduce,
    "NEWOBJ": _Machine.new_object,
    "NEWOBJ_EX": _Machine.new_object_named,
    "OBJ": _Machine.object_marked,
    "BUILD": _Machine.build,
    "BINPERSID": _Machine.persistent_marked,
}
