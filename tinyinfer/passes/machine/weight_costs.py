"""How long a convolution waits for its weights: from a cache, or from memory, in multiply-adds of one thread."""

from __future__ import annotations

from tinyinfer.kernels.base import Problem

# the time in which a weight comes from memory, which all threads share; fitted to the 3x3 layers of ResNets, RepVGG-A0
# and DenseNet with cold weights
WEIGHT_COST = 13
# the same of a weight that is in L2 or L3; fitted to layers of 8 to 256 channels on maps of 4x4 to 28x28, in networks
# of four of them
NEAR_WEIGHT_COST = 4
CACHED_WEIGHTS = 64 * 1024  # floats of a layer that often enough are in a cache still from the call before


def waiting(problem: Problem, matrices: int) -> int:
    """Multiply-adds in the time that so many matrices of weights take to arrive, for each of a matrix's elements."""
    return matrices * (NEAR_WEIGHT_COST if weights_are_near(problem) else WEIGHT_COST * problem.threads)


def weights_are_near(problem: Problem) -> bool:
    """Whether a layer's weights come from a cache, as those of small networks do, and of small layers."""
    return problem.kept or problem.params["weight"].size <= CACHED_WEIGHTS
