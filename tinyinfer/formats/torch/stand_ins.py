"""What the globals of a checkpoint's pickle become: tensors, dicts, and inert values for all the rest.

The table in `make_globals` is everything that means something here.  Any other global becomes a stand-in whose
application gives an `Inert`, whatever it is called: nothing is looked up, so a class of the user's own beside the
weights does no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinyinfer.errors import ModelFormatError
from tinyinfer.formats.limits import Limits
from tinyinfer.formats.torch import numpy_values
from tinyinfer.formats.torch.pickle_reader import Globals, Inert, Machine, StandIn, safe_key
from tinyinfer.formats.torch.values import QUANTIZED, STORAGES, StorageType, Tensor, Unreadable, checked_tensor

_BUILTINS = ("builtins", "__builtin__")
_UNSUPPORTED = ("sparse", "qtensor", "nested", "meta_tensor")

# Globals that no checkpoint needs and attacks do.  Nothing would run; but who gets such a file should hear of it.
_ATTACKS = (
    "os", "posix", "nt", "subprocess", "sys", "shutil", "socket", "pty", "runpy", "importlib", "ctypes", "code",
    "webbrowser", "multiprocessing", "builtins.eval", "builtins.exec", "builtins.compile", "builtins.open",
    "builtins.__import__", "builtins.input", "torch.load", "torch.hub", "torch.storage._load_from_bytes", "pickle",
    "_pickle", "marshal", "types.CodeType", "types.FunctionType", "collections.OrderedDict.fromkeys", "pip", "timeit",
)  # fmt: skip


def make_globals(where: str, limits: Limits) -> Globals:
    """The lookup of globals for `read_pickle`; raises ModelFormatError for what only an attack would ask for."""

    def rebuild_tensor(arguments: tuple[Any, ...], machine: Machine) -> Any:
        if len(arguments) < 4:
            raise ModelFormatError(
                f"{where}: a tensor of {len(arguments)} arguments, expected storage, offset, shape and stride"
            )
        storage, offset, shape, stride = arguments[:4]
        tensor = checked_tensor(storage, offset, shape, stride, where, limits)
        if tensor.storage.kind.dtype.startswith("c"):
            return Unreadable("complex tensors are not supported")
        return tensor

    def rebuild_other(arguments: tuple[Any, ...], machine: Machine) -> Unreadable:
        dtype = arguments[6].name if len(arguments) > 6 and isinstance(arguments[6], StandIn) else "an unknown type"
        return Unreadable(f"tensors of {dtype} are not supported: save it as torch.float32")

    def rebuild_parameter(arguments: tuple[Any, ...], machine: Machine) -> Any:
        if not arguments or not isinstance(arguments[0], Tensor | Unreadable | Inert):
            raise ModelFormatError(f"{where}: a parameter that is not a tensor")
        return Unreadable(_why(arguments[0].name)) if isinstance(arguments[0], Inert) else arguments[0]

    def ordered_dict(arguments: tuple[Any, ...], machine: Machine) -> dict[Any, Any]:
        pairs = arguments[0] if arguments else []
        if isinstance(pairs, dict):
            machine.spend(len(pairs))
            return dict(pairs)
        if not isinstance(pairs, list | tuple) or not all(isinstance(p, list | tuple) and len(p) == 2 for p in pairs):
            raise ModelFormatError(f"{where}: an OrderedDict of something other than keys and values")
        machine.spend(len(pairs))
        return {safe_key(key): value for key, value in pairs}

    def first(arguments: tuple[Any, ...], machine: Machine) -> Any:
        return arguments[0] if arguments else ()

    def empty_dict(arguments: tuple[Any, ...], machine: Machine) -> dict[Any, Any]:
        return {}  # collections.defaultdict(factory): entries come by SETITEMS

    meant: dict[str, Callable[[tuple[Any, ...], Machine], Any]] = {
        "collections.OrderedDict": ordered_dict,
        "collections.defaultdict": empty_dict,
        "torch._utils._rebuild_tensor": rebuild_tensor,
        "torch._utils._rebuild_tensor_v2": rebuild_tensor,
        "torch._utils._rebuild_tensor_v3": rebuild_other,
        "torch._utils._rebuild_parameter": rebuild_parameter,
        "torch._utils._rebuild_parameter_with_state": rebuild_parameter,
        "torch._tensor._rebuild_from_type_v2": _from_type,
        "torch.Size": first,
        "_codecs.encode": numpy_values.encode,
        **{f"{module}.{name}": numpy_values.empty_bytes for module in _BUILTINS for name in ("bytes", "bytearray")},
        "numpy.dtype": numpy_values.make_dtype,
        **{f"numpy.{core}.multiarray._reconstruct": numpy_values.reconstruct for core in ("core", "_core")},
        **{f"numpy.{core}.numeric._frombuffer": numpy_values.from_buffer for core in ("core", "_core")},
    }

    def find(module: str, name: str) -> StandIn:
        full = f"{module}.{name}"
        if full in STORAGES:
            return StorageType(full, _not_called(where), STORAGES[full])
        if full in meant:
            return StandIn(full, meant[full])
        shown = (full if full.isprintable() else repr(full))[:100]
        if _is_attack(full):
            raise ModelFormatError(
                f"{where}: it asks for {shown}, which is not run: expected a plain state dict (model.state_dict())"
            )
        if module.startswith("torch") and any(word in name for word in _UNSUPPORTED):
            return StandIn(shown, lambda arguments, machine: Unreadable(_why(shown)))
        return StandIn(shown, lambda arguments, machine: Inert(shown, arguments))

    return find


def _from_type(arguments: tuple[Any, ...], machine: Machine) -> Any:
    """torch._tensor._rebuild_from_type_v2(function, type, arguments, state): a tensor with attributes."""
    if len(arguments) >= 3 and isinstance(arguments[0], StandIn) and isinstance(arguments[2], tuple):
        return arguments[0].apply(arguments[2], machine)
    return Inert("torch.Tensor", arguments)


def _not_called(where: str) -> Callable[[tuple[Any, ...], Machine], Any]:
    def refuse(arguments: tuple[Any, ...], machine: Machine) -> Any:
        raise ModelFormatError(f"{where}: a storage made by a call")

    return refuse


def _why(name: str) -> str:
    if "qtensor" in name:
        return f"{name}: {QUANTIZED}"
    return f"{name}: sparse, nested and other tensors of a class of their own are not supported"


def _is_attack(full: str) -> bool:
    full = full.replace("__builtin__.", "builtins.", 1)
    return any(full == name or full.startswith(f"{name}.") for name in _ATTACKS)
