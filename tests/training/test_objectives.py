"""What is compared of a student and its teacher, and what each objective adds up."""

from __future__ import annotations

import numpy as np
import pytest

from tinyinfer import models
from tinyinfer.errors import InputError
from tinyinfer.graph import Graph

torch = pytest.importorskip("torch")

from tinyinfer.bench.torch_peer.graph import TorchGraph  # noqa: E402
from tinyinfer.training import objectives  # noqa: E402
from tinyinfer.training.augment import shrink  # noqa: E402
from tinyinfer.training.distillation.features import FeatureLoss  # noqa: E402
from tinyinfer.training.distillation.logits import logits_loss  # noqa: E402
from tinyinfer.training.distillation.places import paired, places  # noqa: E402
from tinyinfer.training.losses import label_loss  # noqa: E402
from tinyinfer.training.teacher import Teacher  # noqa: E402

NETWORKS = [name for name in models.names() if name.endswith("_cifar") and name.split("_cifar")[0] in models.families()]


def small(name: str = "mobilenet_v1_cifar", **knobs: object) -> Graph:
    return models.create(name, width=0.25, seed=2, **knobs).graph


@pytest.fixture
def batch(rng: np.random.Generator) -> tuple[object, object]:
    return torch.from_numpy(rng.standard_normal((4, 3, 32, 32), np.float32)), torch.tensor([1, 0, 9, 3])


def test_places_are_in_front_of_the_last_activation_of_each_size() -> None:
    assert places(models.build("resnet20_s2")) == {
        (16, 16): "layer1.2.add",
        (8, 8): "layer2.2.add",
        (4, 4): "layer3.2.add",
    }
    assert places(models.build("mobilenet_v2_cifar")) == {
        (32, 32): "features.0.1",
        (16, 16): "features.4.conv.0.1",
        (8, 8): "features.7.conv.0.1",
        (4, 4): "features.9.1",
    }


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_for_small_pictures_can_learn_from_the_default_one(name: str) -> None:
    student, teacher = models.build(name), models.build("mobilenet_v2_cifar")
    pairs = paired(student, teacher)
    mine, theirs = student.infer_types(), teacher.infer_types()
    assert [mine[a].shape[2:] for a, _ in pairs] == [theirs[b].shape[2:] for _, b in pairs]
    assert len(pairs) >= 2


def test_networks_without_a_common_size_are_refused() -> None:
    with pytest.raises(InputError, match=r"expected images of one size.*\(10, 10\)"):
        paired(models.build("resnet20", resolution=20), models.build("resnet20"))
    with pytest.raises(InputError, match="expected 10 classes as the student has, found 7"):
        objectives.make(small(), [small(num_classes=7)], "logits", torch.zeros(1, 3, 32, 32))


def test_a_teacher_answers_as_its_network_does(batch: tuple[object, object]) -> None:
    graph = models.create("mobilenet_v2_cifar", seed=1).graph
    wanted = [value for _, value in sorted(places(graph).items())]
    whole = graph.copy()
    whole.outputs = [*graph.outputs, *wanted]
    with torch.no_grad():
        expected = TorchGraph(whole).eval()(batch[0])
    for a, b in zip(Teacher(graph, wanted)(batch[0]), expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


def test_each_objective_is_its_loss(batch: tuple[object, object]) -> None:
    x, labels = batch
    student, teacher = small(), models.create("mobilenet_v2_cifar", seed=1).graph
    net = TorchGraph(student).train()
    plain = objectives.make(student, [], "logits", x)
    torch.testing.assert_close(plain(x, labels, 24), label_loss(net(shrink(x, 24)), labels))
    taught = objectives.make(student, [teacher], "logits", x)
    torch.testing.assert_close(taught(x, labels, 32), logits_loss(net(x), Teacher(teacher)(x)[0], labels))
    other = models.create("mobilenet_v2_cifar", seed=2).graph
    both = (Teacher(teacher)(x)[0] + Teacher(other)(x)[0]) / 2
    torch.testing.assert_close(
        objectives.make(student, [teacher, other], "logits", x)(x, labels, 32), logits_loss(net(x), both, labels)
    )
    with pytest.raises(InputError, match="expected one to show its features, found 2"):
        objectives.make(student, [teacher, other], "features", x)
    shown = objectives.make(student, [teacher], "features", x)
    pairs = paired(student, teacher)
    mine, theirs = student.copy(), Teacher(teacher, [b for _, b in pairs])
    mine.outputs = [*mine.outputs, *(a for a, _ in pairs)]
    logits, *seen = TorchGraph(mine).train()(x)
    distance = shown.features(seen, theirs(x)[1:])
    assert isinstance(shown.features, FeatureLoss)
    torch.testing.assert_close(shown(x, labels, 32), label_loss(logits, labels) + distance)


def test_sparsity_pulls_at_the_scales_of_norms_alone(batch: tuple[object, object]) -> None:
    x, labels = batch
    graph = small()
    gradients = []
    for sparsity in (0.0, 0.5):
        objective = objectives.make(graph, [], "logits", x, sparsity)
        objective(x, labels, 32).backward()
        gradients.append({name: p.grad for name, p in objective.net.named_parameters()})
    scales = {n.params["weight"].replace(".", "/") for n in graph.nodes if n.op.name == "batch_norm"}
    for name, without in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], without + 0.5 * (name in scales), rtol=1e-3, atol=1e-4)
