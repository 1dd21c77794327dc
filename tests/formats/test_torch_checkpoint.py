"""torch checkpoints read without torch: our own writer's, torch's where it is installed, and real ones."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import checkpoints as ck
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinyinfer.formats.torch.checkpoint import read_checkpoint

Write = Callable[..., bytes]
WRITERS = {"zip": ck.zip_checkpoint, "legacy": ck.legacy_checkpoint}
DTYPES = [name for name in ck.STORAGES if name != "bfloat16"]


@pytest.fixture(params=sorted(WRITERS))
def write(request: pytest.FixtureRequest) -> Write:
    return WRITERS[request.param]


def read(data: bytes, path: Path) -> dict[str, np.ndarray]:
    path.write_bytes(data)
    return read_checkpoint(path).state


def assert_equal(found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> None:
    assert list(found) == list(expected)
    for key, array in expected.items():
        assert found[key].dtype == array.dtype, key
        np.testing.assert_array_equal(found[key], array, strict=True)


@given(
    kind=st.sampled_from(sorted(WRITERS)),
    state=st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        st.sampled_from(DTYPES).flatmap(
            lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4))
        ),
        min_size=1,
        max_size=5,
    ),
)
def test_round_trip(kind: str, state: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> None:
    found = read(WRITERS[kind](state), tmp_path_factory.mktemp("c") / "c.pth")
    assert {key: (a.dtype, a.shape, a.tobytes()) for key, a in found.items()} == {
        key: (a.dtype, a.shape, a.tobytes()) for key, a in state.items()
    }
    assert all(array.flags.carray for array in found.values())


ARRAYS = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "a.num_batches_tracked": np.array(41)}


def test_big_endian_storages(tmp_path: Path) -> None:
    assert_equal(read(ck.zip_checkpoint(ARRAYS, order=">"), tmp_path / "c.pth"), ARRAYS)


def test_bfloat16_is_widened(tmp_path: Path) -> None:
    values = np.array([1.0, -2.5, 3e38, 1e-40, np.inf], np.float32)
    upper = (values.view(np.uint32) >> 16).astype("<u2")
    state = {"w": ck.tensor(ck.storage("bfloat16", "0", 5), 0, (5,), (1,))}
    found = read(ck.zip_container(ck.ordered(state), {"0": upper.tobytes()}), tmp_path / "c.pth")
    assert_equal(found, {"w": (upper.astype(np.uint32) << 16).view(np.float32)})
    np.testing.assert_allclose(found["w"], values, rtol=2**-7, atol=1e-40)


@pytest.mark.parametrize("name", ["state_dict", "model", "net", "state_dict_ema", "model_state_dict"])
def test_wrapped(name: str, write: Write, tmp_path: Path) -> None:
    def wrap(state: Any) -> Any:
        return {
            "epoch": 90,
            "best_prec1": 70.5,
            "optimizer": {"state": {0: {"step": 1}}, "param_groups": [{"lr": 0.1}]},
            name: state,
        }

    assert_equal(read(write(ARRAYS, wrap), tmp_path / "c.pth"), ARRAYS)


def test_averaged_weights_come_first_and_wrappers_nest(tmp_path: Path) -> None:
    one, two = (ck.tensor(ck.storage("float32", key, 1), 0, (1,), (1,)) for key in "01")
    data = {"0": np.float32(1).tobytes(), "1": np.float32(2).tobytes()}
    value = {"state_dict": {"w": one}, "state_dict_ema": {"model": {"w": two}}}
    assert_equal(read(ck.zip_container(value, data), tmp_path / "c.pth"), {"w": np.array([2], np.float32)})


def test_keys_are_what_they_are_in_the_file(write: Write, tmp_path: Path) -> None:
    state = {"module.w": np.ones(2, np.float32), "module._orig_mod.v": np.zeros(1, np.float32)}
    assert_equal(read(write(state), tmp_path / "c.pth"), state)


def test_values_beside_tensors(write: Write, tmp_path: Path) -> None:
    """NumPy scalars as torch's protocol 2 writes them, sizes, parameters, and Python values, all inert."""
    encode = ck.Call(ck.Global("_codecs", "encode"), ("abc", "latin1"))
    dtype = ck.Call(ck.Global("numpy", "dtype"), ("f8", False, True), (3, "<", None, None, None, -1, -1, 0))
    scalar = ck.Call(ck.Global("numpy.core.multiarray", "scalar"), (dtype, encode))
    extras = {
        "best_prec1": scalar,
        "size": ck.Call(ck.Global("torch", "Size"), ((1, 2),)),
        "none": None,
        "lr": [0.1, -5, 2**40, True],
    }
    found = read(write(ARRAYS, lambda state: {**extras, "state_dict": state}), tmp_path / "c.pth")
    assert_equal(found, ARRAYS)


def test_parameters_and_views_of_one_storage(tmp_path: Path) -> None:
    source, hooks = ck.storage("float32", "0", 12), ck.Call(ck.Global("collections", "OrderedDict"), ([],))
    whole = ck.tensor(source, 0, (3, 4), (4, 1))
    state = {
        "whole": ck.Call(ck.Global("torch._utils", "_rebuild_parameter"), (whole, True, hooks)),
        "tied": whole,
        "transposed": ck.tensor(source, 0, (4, 3), (1, 4)),
        "part": ck.tensor(source, 5, (2,), (3,)),
        "scalar": ck.tensor(source, 11, (), ()),
        "nothing": ck.tensor(source, 0, (0, 4), (4, 1)),
    }
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    found = read(ck.zip_container(ck.ordered(state), {"0": array.tobytes()}), tmp_path / "c.pth")
    expected = {
        "whole": array,
        "tied": array,
        "transposed": array.T,
        "part": array.ravel()[[5, 8]],
        "scalar": array[2, 3],
        "nothing": array[:0],
    }
    assert_equal(found, {key: np.asarray(value) for key, value in expected.items()})
    assert np.shares_memory(found["whole"], found["tied"])
    assert all(a.flags.carray for a in found.values())


def test_legacy_storage_views(tmp_path: Path) -> None:
    view = ck.storage("float32", "0", 6, ("1", 2, 3))
    state = {"w": ck.tensor(view, 1, (2,), (1,), "_rebuild_tensor")}
    data = {"0": (6, np.arange(6, dtype=np.float32).tobytes())}
    assert_equal(read(ck.legacy_container(state, data), tmp_path / "c.pth"), {"w": np.array([3, 4], np.float32)})


def test_storages_of_no_use_are_skipped(tmp_path: Path) -> None:
    """An optimizer's storages may be damaged: they are not read."""
    used, unused = (ck.tensor(ck.storage("float32", key, 2, None), 0, (2,), (1,)) for key in "01")
    data = {"0": (2, np.ones(2, np.float32).tobytes()), "1": (2, bytes(8))}
    value = {"state_dict": {"w": used}, "optimizer": {0: unused}}
    assert_equal(read(ck.legacy_container(value, data), tmp_path / "c.pth"), {"w": np.ones(2, np.float32)})
    used, unused = (ck.tensor(ck.storage("float32", key, 2), 0, (2,), (1,)) for key in "01")
    value = {"state_dict": {"w": used}, "optimizer": {0: unused}}
    packed = ck.zip_container(value, {key: content for key, (_, content) in data.items()})
    at = packed.find(bytes(8), packed.find(b"archive/data/1"))
    assert_equal(read(packed[:at] + b"\x01" + packed[at + 1 :], tmp_path / "c.pth"), {"w": np.ones(2, np.float32)})


def test_nothing_of_torch_is_imported(tmp_path: Path) -> None:
    import subprocess

    path = tmp_path / "c.pth"
    path.write_bytes(ck.zip_checkpoint(ARRAYS))
    code = (
        "import sys; from tinyinfer.formats.torch.checkpoint import read_checkpoint; read_checkpoint(sys.argv[1]); "
        "print(sorted({'torch', 'pickle', 'numba'} & (set(sys.modules) - before)))"
    )
    code = "import sys, numpy; before = set(sys.modules); " + code
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("legacy", [False, True])
def test_what_torch_writes(legacy: bool, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Linear(4, 5).half(), torch.nn.Linear(2, 3).double()
    )
    state = module.state_dict()
    state["tied"] = state["0.weight"]
    state["transposed"] = state["0.weight"].transpose(0, 1)
    state["bfloat16"] = torch.randn(7).bfloat16()
    state["parameter"] = torch.nn.Parameter(torch.randn(3))
    state["empty"] = torch.empty(0, 3)
    for dtype in (torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool):
        state[str(dtype)] = torch.arange(4).to(dtype)
    optimizer = torch.optim.SGD(module[0].parameters(), 0.1, momentum=0.9)
    checkpoint = {
        "state_dict": state,
        "optimizer": optimizer.state_dict(),
        "epoch": 3,
        "best": np.float64(0.5),
        "acc": torch.tensor(0.9),
    }
    torch.save(checkpoint, tmp_path / "c.pth.tar", _use_new_zipfile_serialization=not legacy)
    found = read_checkpoint(tmp_path / "c.pth.tar").state
    expected = {key: (t.float() if t.dtype == torch.bfloat16 else t).detach().numpy() for key, t in state.items()}
    assert_equal(found, expected)
    assert np.shares_memory(found["tied"], found["0.weight"])


REAL = {
    "mobilenet_v2_imagenet_torch/mobilenet_v2_imagenet.pth": None,
    "squeezenet1_1_imagenet_torch/squeezenet1_1_imagenet_fp16.pth": None,
    "resnet20_cifar10/resnet20-12fca82f.th": "weights.npz",
    "ultraface_rfb_320/version-RFB-320.pth": None,
    "yunet_n_320/yunet_n.pth": None,
    "fastestdet_shufflenetv2_0.5x_coco/weight_AP05_0.253207_280-epoch.pth": "weights_pth.npz",
}


@pytest.mark.parametrize("name", REAL)
def test_real_checkpoints(name: str, shared: Path) -> None:
    path = shared / "realdata" / "weights" / name
    found = read_checkpoint(path).state
    assert all(np.isfinite(array).all() for array in found.values())
    arrays = REAL[name]
    if arrays:
        found = {key.removeprefix("module."): array for key, array in found.items()}
        with np.load(path.with_name(arrays)) as expected:
            for key in expected.files:
                np.testing.assert_array_equal(found[key], expected[key])
            assert {key for key in found if not key.endswith("num_batches_tracked")} <= set(expected.files)
    else:
        torch = pytest.importorskip("torch")
        state = torch.load(path, map_location="cpu", weights_only=True)
        state = state.get("state_dict", state)
        assert_equal(found, {key: tensor.numpy() for key, tensor in state.items()})
