"""A profile in plain words: what the time is spent on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

NAMED = 3  # kinds of work that a sentence names
LEAST = 0.05  # of the time that one takes to be named

# by operator, where its name is no word
WORDS = {
    "linear": "fully connected layers",
    "matmul": "matrix products",
    "add": "additions",
    "sub": "subtractions",
    "mul": "multiplications",
    "concat": "joining channels",
    "split": "splitting channels",
    "channel_shuffle": "shuffling channels",
    "max_pool2d": "max pooling",
    "avg_pool2d": "average pooling",
    "adaptive_avg_pool2d": "average pooling",
    "adaptive_max_pool2d": "max pooling",
    "batch_norm": "norms",
    "layer_norm": "norms",
    "interpolate": "resizing",
    "resize": "resizing",
    "quantize_linear": "rounding to 8 bits",
    "dequantize_linear": "turning 8 bits into numbers",
    "depthwise_chain": "depthwise convolutions with the 1x1 before or behind them",
    "input": "copying the input in",
    "output": "copying the output out",
    "relayout": "changing layouts",
}
CONVOLUTIONS = {
    "conv2d": "convolutions",
    "depthwise": "depthwise convolutions",
    "conv_transpose2d": "transposed convolutions",
    "gated_conv2d": "gated convolutions",
}


def work(text: str) -> str:
    """What a step does, from its text: "conv2d 1x1 /2, relu6" is "1x1 convolutions"."""
    name, *rest = re.sub(r"^int8 ", "", text.split(",")[0]).split()
    size = next((f"{word} " for word in rest if re.fullmatch(r"\d+x\d+", word)), "")
    grouped = "grouped " if "groups" in rest else ""
    if name in CONVOLUTIONS:
        return f"{size}{grouped}{CONVOLUTIONS[name]}"
    return WORDS.get(name, name.replace("_", " "))


def shares(times: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Each kind of work's part of the time, most first; from kinds and times of steps."""
    found: dict[str, float] = {}
    for what, ms in times:
        found[what] = found.get(what, 0.0) + ms
    total = sum(found.values()) or 1.0
    return dict(sorted(((what, ms / total) for what, ms in found.items()), key=lambda item: -item[1]))


def sentence(parts: Mapping[str, float]) -> str:
    """63 % of the time is 1x1 convolutions, 21 % is 3x3 depthwise convolutions."""
    named = [(what, part) for what, part in parts.items() if part >= LEAST][:NAMED]
    if not named:
        return "The time is spread over many kinds of work."
    first, *others = [f"{100 * part:.0f} %" for _, part in named]
    words = [what for what, _ in named]
    start = f"{first} of the time is {words[0]}"
    return ", ".join([start, *(f"{share} {what}" for share, what in zip(others, words[1:], strict=True))]) + "."
