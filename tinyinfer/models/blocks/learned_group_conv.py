"""Learned group convolution (CondenseNet, Huang et al. 2018, section 3): as it is trained, and as it is run.

In training it is a dense 1x1 whose weights are masked: the outputs i, i + G, i + 2G ... are group i of G, and all of a
group's filters have kept the same 1 / C of the inputs.  Converted, an index layer hands each group its inputs, a
grouped 1x1 follows, and a shuffle puts the outputs back in order (figure 4).
"""

from __future__ import annotations

from tinyinfer.builder import Builder


def norm_relu(b: Builder, x: str, name: str, eps: float) -> str:
    """What stands before each convolution."""
    return b.relu(b.batch_norm(x, name=f"{name}.norm", eps=eps), name=f"{name}.relu")


def learned_group_conv(
    b: Builder, x: str, channels: int, *, name: str, groups: int, condense: int, converted: bool, eps: float
) -> str:
    """Norm, ReLU and the 1x1 to ``channels`` channels in either form; until weights are loaded, any inputs are read."""
    if not converted:
        return b.conv2d(norm_relu(b, x, name, eps), channels, 1, name=f"{name}.conv", bias=False)
    read = b.channels(x) * groups // condense
    x = b.apply("index_select", x, name=f"{name}.index", dim=1, index=_spread(read, b.channels(x)))
    x = b.conv2d(norm_relu(b, x, name, eps), channels, 1, name=f"{name}.conv", groups=groups, bias=False)
    return b.channel_shuffle(x, groups, name=f"{name}.shuffle")


def condensed_linear(b: Builder, x: str, features: int, *, name: str, share: float) -> str:
    """A classifier that reads only ``share`` of its inputs."""
    inputs = b.channels(x)
    x = b.apply("index_select", x, name=f"{name}.index", dim=1, index=_spread(max(1, int(inputs * share)), inputs))
    return b.linear(x, features, name=f"{name}.linear")


def _spread(count: int, channels: int) -> tuple[int, ...]:
    return tuple(i % channels for i in range(count))
