"""State dicts as training scripts leave them: nested, prefixed, with things beside the weights, with other heads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import checkpoints as ck
import numpy as np
import pytest

import tinyinfer as ti
from tinyinfer.cli import main
from tinyinfer.errors import InputError, UnsupportedOpError, WeightsError
from tinyinfer.model import Model

State = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def state() -> State:
    return dict(ti.models.create("resnet20", num_classes=7, seed=1).graph.weights)


def convert(path: Path, state: State, wrap: Callable[[Any], Any] = lambda s: s, **options: Any) -> Model:
    path = path / "net.pth"
    path.write_bytes(ck.zip_checkpoint(state, wrap))
    return ti.convert(path, **options)


def assert_is(model: Model, state: State) -> None:
    assert (model.meta["arch"], model.meta["knobs"]["num_classes"]) == ("resnet20", 7)
    assert set(model.graph.weights) == set(state)
    for key, array in state.items():
        np.testing.assert_array_equal(model.graph.weights[key], array)


def notes(model: Model) -> str:
    return "; ".join(model.meta.get("notes", []))


@pytest.mark.parametrize(
    "prefix",
    ["module.", "_orig_mod.", "model.", "net.", "encoder.", "backbone.", "model.0.", "0.", "module.model.",
     "model.module.", "student.encoder.backbone.", "model._orig_mod.module."],
)  # fmt: skip
def test_prefixes(prefix: str, state: State, tmp_path: Path) -> None:
    assert_is(convert(tmp_path, {prefix + key: array for key, array in state.items()}), state)


def test_a_wrapper_inside_the_network(state: State, tmp_path: Path) -> None:
    def inside(key: str) -> str:
        return key.replace("layer1.", "layer1.module.").replace("layer3.0.", "layer3._orig_mod.0.module.")

    assert_is(convert(tmp_path, {inside(key): array for key, array in state.items()}), state)


@pytest.mark.parametrize("head", ["head", "fc.1", "classifier.1", "last_linear", "backbone.fc", "linear"])
def test_a_backbone_beside_its_head(head: str, state: State, tmp_path: Path) -> None:
    ours = next(key.rpartition(".")[0] for key in reversed(state))

    def renamed(key: str) -> str:
        return key.replace(ours, head) if key.startswith(ours) else f"backbone.{key}"

    model = convert(tmp_path, {renamed(key): array for key, array in state.items()})
    assert_is(model, state)
    assert "'backbone.' off the keys" in notes(model)


@pytest.mark.parametrize("head", ["fc.1", "head", "classifier"])
def test_a_head_of_another_name_on_a_network_of_1000_classes(head: str, tmp_path: Path) -> None:
    state = dict(ti.models.create("resnet18", num_classes=5).graph.weights)
    model = convert(tmp_path, {key.replace("fc.", f"{head}."): array for key, array in state.items()})
    assert model.meta["arch"] == "resnet18"
    np.testing.assert_array_equal(model.graph.weights["fc.weight"], state["fc.weight"])
    assert f"took '{head}' for the network's last layer" in notes(model)


@pytest.mark.parametrize(
    "name",
    ["state_dict", "model", "ema", "model_ema", "module", "params_ema", "state_dict_ema", "net", "my_own_name"],
)
def test_nests(name: str, state: State, tmp_path: Path) -> None:
    assert_is(convert(tmp_path, state, lambda s: {"epoch": 3, name: s, "lr": 0.1}), state)
    assert_is(convert(tmp_path, state, lambda s: {"run": {"weights of mine": {name: s}}}), state)


@pytest.mark.parametrize("wrap", [lambda s: (s, 90), lambda s: [s, {"epoch": 1}], lambda s: {"states": [s]}])
def test_pairs_and_lists(wrap: Callable[[Any], Any], state: State, tmp_path: Path) -> None:
    assert_is(convert(tmp_path, state, wrap), state)


def test_a_list_of_pairs(state: State, tmp_path: Path) -> None:
    described = list(ck.describe(state).items())
    data = {str(i): array.tobytes() for i, array in enumerate(state.values())}
    (tmp_path / "net.pth").write_bytes(ck.zip_container(described, data))
    assert_is(ti.convert(tmp_path / "net.pth"), state)


@pytest.mark.parametrize(("plain", "average"), [("model", "ema"), ("state_dict", "state_dict_ema"), ("net", "swa_net")])
def test_averaged_weights_are_taken_and_named(plain: str, average: str, state: State, tmp_path: Path) -> None:
    both = {f"{name}/{key}": a + (name == "plain") for name in ("plain", "average") for key, a in state.items()}
    described = ck.describe({key: array.astype(np.float32) for key, array in both.items()})
    data = {str(i): np.asarray(array, np.float32).tobytes() for i, array in enumerate(both.values())}
    count = len(state)
    halves = [
        dict(zip(state, part, strict=True))
        for part in (list(described.values())[:count], list(described.values())[count:])
    ]
    (tmp_path / "net.pth").write_bytes(ck.zip_container({plain: halves[0], "x": {average: halves[1]}}, data))
    model = ti.convert(tmp_path / "net.pth")
    assert_is(model, state)
    assert f"took the weights under 'x.{average}', not those under '{plain}'" in notes(model)


def test_two_networks_under_two_prefixes(state: State, tmp_path: Path) -> None:
    twins = {f"online_model.{key}": array + 1 for key, array in state.items()}
    twins |= {f"ema_model.{key}": array for key, array in state.items()}
    model = convert(tmp_path, {**twins, "initted": np.ones((), np.bool_), "step": np.zeros((), np.int64)})
    assert_is(model, state)
    assert f"took the averaged weights; left out {len(state)} keys: 'online_model." in notes(model)


def test_two_networks_without_an_average_are_not_chosen_between(state: State, tmp_path: Path) -> None:
    twins = {f"{name}.{key}": array for name in ("left", "right") for key, array in state.items()}
    with pytest.raises(UnsupportedOpError, match=r"keys begin with 'left\.' \(\d+\), 'right\.' .*strip"):
        convert(tmp_path, twins)
    assert_is(convert(tmp_path, twins, strip="left.", ignore="right"), state)


def counted(state: State) -> State:
    modules = {key.rpartition(".")[0] for key in state}
    return {f"{module}.{name}": np.zeros(1) for module in sorted(modules) for name in ("total_ops", "total_params")}


LEFTOVERS: dict[str, Callable[[State], State]] = {
    "profiler": counted,
    "loss": lambda state: {"criterion.weight": np.ones(7, np.float32), "loss_fn.pos_weight": np.ones(1, np.float32)},
    "average": lambda state: {"ema_decay": np.float32([0.9]), "n_averaged": np.ones((), np.int64)},
    "counters": lambda state: {"step": np.zeros((), np.int64), "net.global_step": np.zeros((), np.float32)},
    "batches": lambda state: {"bn1.num_batches_tracked": np.zeros((), np.int64)},
    "metrics": lambda state: {"train_acc.correct": np.zeros((), np.int64), "val_accuracy.total": np.zeros(3)},
}


@pytest.mark.parametrize("kind", LEFTOVERS)
@pytest.mark.parametrize("prefix", ["", "model."])
def test_what_training_leaves_is_left_out_and_named(kind: str, prefix: str, state: State, tmp_path: Path) -> None:
    more = LEFTOVERS[kind](state)
    model = convert(tmp_path, {**{prefix + key: array for key, array in state.items()}, **more})
    assert_is(model, state)
    if kind != "batches":  # which every checkpoint has
        assert f"left out {len(more)} keys that inference does not use: '{next(iter(more))}'" in notes(model)


@pytest.mark.parametrize(("mean", "prefix"), [("mean", ""), ("0.mean", "1."), ("normalize.mean", "net.")])
@pytest.mark.parametrize("scale", [1, 255])
def test_a_normaliser_inside_becomes_preparation(
    mean: str, prefix: str, scale: int, state: State, tmp_path: Path
) -> None:
    constants = {
        mean: np.float32([0.5, 0.25, 0.125]).reshape(1, 3, 1, 1) * scale,
        mean.replace("mean", "std"): np.float32([0.5, 0.25, 0.75]).reshape(1, 3, 1, 1) * scale,
    }
    model = convert(tmp_path, {**constants, **{prefix + key: array for key, array in state.items()}})
    assert_is(model, state)
    found = model.preprocess
    np.testing.assert_allclose(np.array(found["mean"]) / (found["scale"] * 255), [0.5, 0.25, 0.125])
    np.testing.assert_allclose(np.array(found["std"]) / (found["scale"] * 255), [0.5, 0.25, 0.75])
    assert "into the preparation of pictures" in notes(model)


def test_other_surplus_is_an_error_until_it_is_ignored(state: State, tmp_path: Path) -> None:
    more = {"gate.0.weight": np.ones((7, 7), np.float32), "gate.1.bias": np.ones(7, np.float32)}
    with pytest.raises(WeightsError, match=r"2 unexpected: 'gate\.0\.weight', 'gate\.1\.bias'"):
        convert(tmp_path, {**state, **more})
    for pattern in ("gate*", "gate.*", ["gate.0", "gate.1"], ["gate.?.*"]):
        model = convert(tmp_path, {**state, **more}, ignore=pattern)
        assert_is(model, state)
        assert "left out as asked: 'gate.0.weight'" in notes(model)
    with pytest.raises(InputError, match="no key matches 'gale'"):
        convert(tmp_path, state, ignore=["gale"])


def test_a_prefix_to_strip(state: State, tmp_path: Path) -> None:
    deep = {f"a.b.c.d.e.{key}": array for key, array in state.items()}
    with pytest.raises(UnsupportedOpError, match=r"keys begin with 'a\.' .*strip takes such a prefix off"):
        convert(tmp_path, deep)
    for prefix in ("a.b.c.d.e.", "a.b.c.d.e"):
        assert_is(convert(tmp_path, deep, strip=prefix), state)
    with pytest.raises(InputError, match=r"no key begins with 'x\.'; keys begin with 'a\.'"):
        convert(tmp_path, deep, strip="x")


def test_the_command_line_says_what_was_done(state: State, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.pth"
    more = {"gate.weight": np.ones((7, 7), np.float32), "epoch": np.zeros((), np.int64)}
    path.write_bytes(ck.zip_checkpoint({**{f"a.b.c.d.e.{key}": array for key, array in state.items()}, **more}))
    options = ["--strip", "a.b.c.d.e.", "--ignore", "gate", "--ignore", "nothing"]
    with pytest.raises(SystemExit) as stop:
        main(["convert", str(path), "-o", str(tmp_path / "net.npz"), *options])
    assert stop.value.code == 4
    assert "no key matches 'nothing'" in capsys.readouterr().err
    assert not (tmp_path / "net.npz").exists()
    with pytest.raises(SystemExit) as stop:
        main(["convert", str(path), "-o", str(tmp_path / "net.npz"), *options[:4]])
    assert stop.value.code == 0
    said = capsys.readouterr().err
    assert "left out as asked: 'gate.weight'" in said
    assert "left out 1 key that inference does not use: 'epoch'" in said
    assert_is(ti.load(tmp_path / "net.npz"), state)


@pytest.mark.parametrize("channels", [1, 2, 4])
@pytest.mark.parametrize("name", ["resnet20", "mobilenet_v2_cifar", "squeezenet1_1"])
def test_pictures_of_other_channels(channels: int, name: str, tmp_path: Path) -> None:
    graph = ti.models.create(name).graph
    state = dict(graph.weights)
    stem = next(node.params["weight"] for node in graph.nodes if node.op.name == "conv2d")
    out, _, *window = state[stem].shape
    state[stem] = np.random.default_rng(0).standard_normal((out, channels, *window), np.float32)
    model = convert(tmp_path, state)
    assert model.meta["arch"] == name
    model.save(tmp_path / "net.npz")
    loaded = ti.load(tmp_path / "net.npz")
    assert loaded.graph.inputs[0].nominal[1] == channels
    np.testing.assert_array_equal(loaded.graph.weights[stem], state[stem])
    assert model.preprocess["channels"] == ("l" if channels == 1 else "rgb")
    assert ("grey" if channels == 1 else f"{channels} channels") in notes(model)
    if channels == 1 and name == "resnet20":
        picture = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
        assert len(ti.Model(loaded.graph, loaded.meta, kernels="reference").predict(picture, top=3)) == 3


def test_quantized_keys_are_refused_with_a_hint(state: State, tmp_path: Path) -> None:
    observed = {"conv1.scale": np.ones(()), "conv1.zero_point": np.zeros((), np.int64)}
    with pytest.raises(UnsupportedOpError, match=r"'conv1\.zero_point': a quantized checkpoint.*save the float32"):
        convert(tmp_path, {**state, **observed})
    assert_is(convert(tmp_path, {**state, **observed}, ignore=["zero_point", "scale"]), state)


def as_modules(described: State, build: Callable[[dict[str, Any], dict[str, Any]], Any]) -> Any:
    """Modules in each other, made of tensors by key; ``build`` makes one of its tensors and its parts."""
    tensors = {key: item for key, item in described.items() if "." not in key}
    parts: dict[str, State] = {}
    for key, item in described.items():
        if "." in key:
            name, _, rest = key.partition(".")
            parts.setdefault(name, {})[rest] = item
    return build(tensors, {name: as_modules(part, build) for name, part in parts.items()})


def made(module: str, state: Any) -> ck.Raw:
    """An object by NEWOBJ, its attributes by BUILD."""
    return ck.Raw(ck.opcodes(ck.Global(module, "Net")) + b")\x81" + ck.opcodes(state) + b"b")


def pickled(tensors: dict[str, Any], parts: dict[str, Any]) -> ck.Raw:
    return made("my.nets", {"training": False, "_parameters": tensors, "_buffers": {}, "_modules": parts})


def scripted(tensors: dict[str, Any], parts: dict[str, Any]) -> ck.Raw:
    return made("__torch__.my.nets", {"training": False, **tensors, **parts})


@pytest.mark.parametrize("build", [pickled, scripted])
def test_whole_modules(build: Callable[..., Any], state: State, tmp_path: Path) -> None:
    data = {str(i): array.tobytes() for i, array in enumerate(state.values())}
    module = as_modules(ck.describe(state), build)
    for value in (module, build({}, {"module": module}), {"epoch": 1, "model": None, "ema": module, "updates": 7}):
        (tmp_path / "net.pt").write_bytes(ck.zip_container(value, data, constants__pkl=b"not a pickle"))
        assert_is(ti.convert(tmp_path / "net.pt"), state)


def test_the_averaged_one_of_two_modules(state: State, tmp_path: Path) -> None:
    both = {f"{i}.{key}": array + i for i in range(2) for key, array in state.items()}
    described = ck.describe(both)
    first, second = (as_modules({key: described[f"{i}.{key}"] for key in state}, pickled) for i in range(2))
    data = {str(i): array.tobytes() for i, array in enumerate(both.values())}
    (tmp_path / "net.pt").write_bytes(ck.zip_container({"model": first, "ema": second}, data))
    model = ti.convert(tmp_path / "net.pt")
    assert_is(model, {key: array + 1 for key, array in state.items()})
    assert "'ema'" in notes(model)


def test_tensors_without_names_are_refused(state: State, tmp_path: Path) -> None:
    data = {str(i): array.tobytes() for i, array in enumerate(state.values())}
    (tmp_path / "net.pth").write_bytes(ck.zip_container(list(ck.describe(state).values()), data))
    with pytest.raises(UnsupportedOpError, match=f"{len(state)} tensors without names, in a list"):
        ti.convert(tmp_path / "net.pth", arch="resnet20")
