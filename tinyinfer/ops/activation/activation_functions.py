"""The plain mathematics of the activations; every function keeps the dtype of its input."""

# mypy: disable-error-code="no-any-return"
# NumPy types arithmetic on arrays of an open dtype as Any

from __future__ import annotations

import math

import numpy as np

SELU_ALPHA = 1.6732632423543772  # Klambauer et al. 2017, "Self-Normalizing Neural Networks", equation 14
SELU_SCALE = 1.0507009873554805

# those that only keep values between two bounds, and what is no activation
CLIPS: dict[str | None, tuple[float, float]] = {None: (-np.inf, np.inf), "relu": (0.0, np.inf), "relu6": (0.0, 6.0)}


def relu(x: np.ndarray) -> np.ndarray:
    """max(0, x)."""
    return np.maximum(x, 0)


def relu6(x: np.ndarray) -> np.ndarray:
    """min(max(0, x), 6), robust in low precision (MobileNet V1, "Convolutional Deep Belief Networks on CIFAR-10")."""
    return np.clip(x, 0, 6)


def leaky_relu(x: np.ndarray, negative_slope: float = 0.01) -> np.ndarray:
    """x where positive, negative_slope * x elsewhere."""
    return np.where(x > 0, x, x * negative_slope)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), written so that the exponential never overflows."""
    decay = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, decay) / (1 + decay)


def hardsigmoid(x: np.ndarray) -> np.ndarray:
    """relu6(x + 3) / 6 (MobileNet V3, section 5.2)."""
    return relu6(x + 3) / 6


def hardswish(x: np.ndarray) -> np.ndarray:
    """x * relu6(x + 3) / 6 (MobileNet V3, section 5.2)."""
    return x * relu6(x + 3) / 6


def bounded_below(x: np.ndarray) -> np.ndarray:
    """x, but no less than the least finite number: what falls faster than 1 / x, times minus infinity, tends to 0."""
    return np.maximum(x, np.finfo(x.dtype).min)


def silu(x: np.ndarray) -> np.ndarray:
    """x * sigmoid(x), also called swish (Ramachandran et al. 2017); 0 at minus infinity."""
    return bounded_below(x) * sigmoid(x)


def tanh(x: np.ndarray) -> np.ndarray:
    """Hyperbolic tangent."""
    return np.tanh(x)


def softplus(x: np.ndarray, beta: float = 1.0, threshold: float = 20.0) -> np.ndarray:
    """log(1 + exp(beta x)) / beta, and x itself where beta x exceeds the threshold."""
    scaled = x * beta
    return np.where(scaled > threshold, x, np.logaddexp(scaled, 0) / beta)


def mish(x: np.ndarray) -> np.ndarray:
    """x * tanh(softplus(x)) (Misra 2019); 0 at minus infinity."""
    return bounded_below(x) * np.tanh(softplus(x))


def elu(x: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    """x where positive, alpha * (exp(x) - 1) elsewhere (Clevert et al. 2015)."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def celu(x: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    """max(0, x) + min(0, alpha * (exp(x / alpha) - 1)) (Barron 2017)."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x / alpha, 0)))


def selu(x: np.ndarray) -> np.ndarray:
    """elu with the one alpha and scale that keep activations at mean 0 and variance 1."""
    return SELU_SCALE * elu(x, SELU_ALPHA)


def hardtanh(x: np.ndarray, min_val: float = -1.0, max_val: float = 1.0) -> np.ndarray:
    """x, but no less than min_val and no more than max_val."""
    return np.clip(x, min_val, max_val)


def softsign(x: np.ndarray) -> np.ndarray:
    """x / (1 + |x|)."""
    return x / (1 + np.abs(x))


def logsigmoid(x: np.ndarray) -> np.ndarray:
    """log(sigmoid(x)), without taking the logarithm of a number near 0."""
    return np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))


def hardshrink(x: np.ndarray, lambd: float = 0.5) -> np.ndarray:
    """x, but 0 from -lambd to lambd."""
    return np.where((x >= -lambd) & (x <= lambd), 0, x)


def softshrink(x: np.ndarray, lambd: float = 0.5) -> np.ndarray:
    """x moved towards 0 by lambd, and 0 from -lambd to lambd."""
    return x - np.clip(x, -lambd, lambd)


def tanhshrink(x: np.ndarray) -> np.ndarray:
    """x - tanh(x)."""
    return x - np.tanh(x)


def threshold(x: np.ndarray, threshold: float, value: float) -> np.ndarray:
    """x where it exceeds the threshold or is NaN, value elsewhere."""
    return np.where(x <= threshold, value, x).astype(x.dtype)


def gelu(x: np.ndarray, approximate: str = "none") -> np.ndarray:
    """x * Phi(x), Phi the normal distribution function or its "tanh" approximation (Hendrycks & Gimpel 2016).

    0 at minus infinity.
    """
    finite = bounded_below(x)
    if approximate == "tanh":
        return finite * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2
    return finite * (1 + erf(x * math.sqrt(0.5))) / 2


def erf(x: np.ndarray) -> np.ndarray:
    """The error function, to the precision of the dtype.

    erf(x) = 2 x exp(-x^2) / sqrt(pi) * sum over n of (2 x^2)^n / (1 * 3 * ... * (2n + 1)): every term is
    positive, so nothing cancels (Abramowitz & Stegun 7.1.6).  Beyond |x| = 6 it is 1 in double precision.
    """
    z = np.clip(x, -6, 6).astype(np.float64)
    square = 2 * z * z
    term = np.ones_like(z)
    total = np.ones_like(z)
    largest, n = float(np.fmax.reduce(square, axis=None, initial=0.0)), 0  # fmax passes over NaN
    bound = 1.0  # of the terms at the largest argument, where the series is slowest
    while bound > 1e-17 or 2 * n < largest:
        n += 1
        term *= square / (2 * n + 1)
        total += term
        bound *= largest / (2 * n + 1)
    y = 2 / math.sqrt(math.pi) * z * np.exp(-square / 2) * total
    return np.where(np.abs(x) < 6, y, np.sign(x)).astype(x.dtype)
