"""Every loss against its formula, written down in NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from tinyinfer.training.distillation import features, logits  # noqa: E402
from tinyinfer.training.losses import label_loss, sparsity_penalty  # noqa: E402

SIZES = {"n": st.integers(1, 5), "k": st.integers(2, 11), "seed": st.integers(0, 2**16)}


def numbers(seed: int, *shape: int, scale: float = 3.0) -> np.ndarray:
    return scale * np.random.default_rng(seed).standard_normal(shape)


def log_softmax(x: np.ndarray) -> np.ndarray:
    shifted = x - x.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def value(loss: Callable[..., object], *arrays: np.ndarray, **options: float) -> float:
    return float(loss(*(torch.from_numpy(a) for a in arrays), **options))  # type: ignore[arg-type]


@given(**SIZES, smoothing=st.sampled_from([0.0, 0.1, 0.4]))
def test_labels(n: int, k: int, seed: int, smoothing: float) -> None:
    x, labels = numbers(seed, n, k), np.random.default_rng(seed).integers(0, k, n)
    target = np.full((n, k), smoothing / k)
    target[np.arange(n), labels] += 1 - smoothing
    assert value(label_loss, x, labels, smoothing=smoothing) == pytest.approx(-(target * log_softmax(x)).sum(1).mean())


@given(**SIZES, temperature=st.sampled_from([1.0, 2.5, 4.0]), share=st.sampled_from([0.0, 0.5, 0.9, 1.0]))
def test_softened_answers(n: int, k: int, seed: int, temperature: float, share: float) -> None:
    """Hinton et al. 2015, sections 2 and 2.1: T^2 sum p (log p - log q), beside the labels' cross-entropy at T = 1."""
    student, teacher = numbers(seed, n, k), numbers(seed + 1, n, k)
    labels = np.random.default_rng(seed).integers(0, k, n)
    p, q = np.exp(log_softmax(teacher / temperature)), np.exp(log_softmax(student / temperature))
    soft = temperature**2 * (p * (np.log(p) - np.log(q))).sum(1).mean()
    hard = -log_softmax(student)[np.arange(n), labels].mean()
    assert value(logits.soft_loss, student, teacher, temperature=temperature) == pytest.approx(soft, abs=1e-9)
    found = value(logits.logits_loss, student, teacher, labels, temperature=temperature, share=share)
    assert found == pytest.approx(share * soft + (1 - share) * hard, abs=1e-9)


@given(**SIZES)
def test_labels_of_those_that_have_one(n: int, k: int, seed: int) -> None:
    student, teacher = numbers(seed, n, k), numbers(seed + 1, n, k)
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(n) < 0.5, rng.integers(0, k, n), logits.NO_LABEL)
    hard = -log_softmax(student)[labels >= 0, labels[labels >= 0]]
    found = value(logits.logits_loss, student, teacher, labels, share=0.0)
    assert found == pytest.approx(hard.mean() if hard.size else 0, abs=1e-9)


def test_a_teacher_is_not_left_for_the_same_answers() -> None:
    x = numbers(3, 4, 10)
    assert value(logits.soft_loss, x, x) == pytest.approx(0, abs=1e-12)


@given(n=st.integers(1, 4), c=st.integers(1, 6), side=st.integers(1, 5), seed=st.integers(0, 2**16))
def test_margins_are_means_of_what_is_negative(n: int, c: int, side: int, seed: int) -> None:
    x = numbers(seed, n, c, side, side)
    x[:, 0] = np.abs(x[:, 0])  # a channel that always fires
    by_channel = [x[:, i][x[:, i] < 0] for i in range(c)]
    expected = [part.mean() if part.size else 0 for part in by_channel]
    margin = features.margins(torch.from_numpy(x))
    np.testing.assert_allclose(margin.numpy(), expected, atol=1e-12)
    bent = features.margin_relu(torch.from_numpy(x), margin).numpy()
    for i in range(c):
        np.testing.assert_allclose(bent[:, i], np.where(x[:, i] > expected[i], x[:, i], expected[i]), atol=1e-12)


def partial_l2(student: np.ndarray, teacher: np.ndarray) -> float:
    """Heo et al. 2019, equation 5, number by number."""
    total = 0.0
    for s, t in zip(student.ravel(), teacher.ravel(), strict=True):
        total += 0 if s <= t <= 0 else (t - s) ** 2
    return total


@given(n=st.integers(1, 3), c=st.integers(1, 4), seed=st.integers(0, 2**16))
def test_partial_distance(n: int, c: int, seed: int) -> None:
    student, teacher = numbers(seed, n, c, 3, 2), numbers(seed + 1, n, c, 3, 2)
    assert value(features.partial_l2, student, teacher) == pytest.approx(partial_l2(student, teacher))


def test_a_student_below_a_silent_teacher_is_left_alone() -> None:
    student, teacher = np.array([-3.0, -1.0, 2.0, -3.0]), np.array([-2.0, -2.0, -2.0, 1.0])
    assert value(features.partial_l2, student, teacher) == 0 + 1 + 16 + 16


def test_feature_loss() -> None:
    """Two places, their transforms (1x1 and batch norm) by hand; the first counts half, all a thousandth a picture."""
    rng = np.random.default_rng(1)
    shapes = [((3, 4, 5, 5), 6), ((3, 7, 2, 2), 5)]
    mine = [rng.standard_normal(shape).astype(np.float32) for shape, _ in shapes]
    theirs = [rng.standard_normal((shape[0], wanted, *shape[2:])).astype(np.float32) for shape, wanted in shapes]
    margin = [-rng.random(wanted).astype(np.float32) for _, wanted in shapes]
    loss = features.FeatureLoss([(s[1], wanted) for s, wanted in shapes], [torch.from_numpy(m) for m in margin])
    expected = 0.0
    for place, transform in enumerate(loss.transforms):
        weight = transform.conv.weight.detach().numpy()[:, :, 0, 0]
        y = np.einsum("oc,nchw->nohw", weight, mine[place]).astype(np.float64)
        mean, var = y.mean((0, 2, 3), keepdims=True), y.var((0, 2, 3), keepdims=True)
        y = (y - mean) / np.sqrt(var + 1e-5)
        wanted = np.maximum(theirs[place], margin[place][None, :, None, None])
        expected += partial_l2(y, wanted) * (0.5, 1)[place] * 1e-3 / 3
    found = loss([torch.from_numpy(x) for x in mine], [torch.from_numpy(x) for x in theirs])
    assert float(found.detach()) == pytest.approx(expected, rel=1e-4)


def test_sparsity() -> None:
    """Liu et al. 2017, section 3: the sum of |gamma|, whose gradient is its sign."""
    scales = [torch.tensor(values, requires_grad=True) for values in ([1.0, -2.0], [0.5, -0.25, 3.0])]
    penalty = sparsity_penalty(scales)
    assert float(penalty.detach()) == 6.75
    penalty.backward()
    assert [s.grad.tolist() for s in scales] == [[1, -1], [1, -1, 1]]
