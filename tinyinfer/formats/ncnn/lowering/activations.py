"""Functions of one number, as layers of their own and at the end of a convolution."""

from __future__ import annotations

import math
from typing import Any

from tinyinfer import ops
from tinyinfer.formats.importing.call import Call
from tinyinfer.formats.ncnn.lowering.layer_kind import LayerKind, Layers, Lower
from tinyinfer.formats.ncnn.reading.parameters import Parameters
from tinyinfer.formats.ncnn.reading.weights import WeightReader

UNBOUNDED = 3.4e38  # what the largest float32 stands for
SELU = (1.67326324, 1.050700987)
NAMES_OF_ACTIVATION = {9: "activation_type", 10: "activation_params"}

# UnaryOp's operations, in their order
UNARY = (
    "abs", "neg", "floor", "ceil", "square", "sqrt", "rsqrt", "exp", "log", "sin", "cos", "tan", "asin", "acos",
    "atan", "reciprocal", "tanh", "log10", "round", "trunc",
)  # fmt: skip


def activated(call: Call, p: Parameters, y: str) -> str:
    """What a convolution or a matrix product computes, through the activation that it carries."""
    kind, given = p.integer("activation_type"), p.numbers("activation_params")
    wanted = {2: 1, 3: 2, 6: 2}.get(kind, 0)
    if len(given) < wanted:
        call.refuse(f"activation {kind}: expected {wanted} parameters, found {len(given)}")
    match kind:
        case 0:
            return y
        case 1:
            return call.apply("relu", y)
        case 2:
            return call.apply("leaky_relu", y, negative_slope=given[0])
        case 3:
            return clipped(call, y, *given[:2])
        case 4:
            return call.apply("sigmoid", y)
        case 5:
            return call.apply("mish", y)
        case 6:
            return hardswish(call, y, *given[:2])
    call.refuse(f"activation {kind} is not known")


def clipped(call: Call, x: str, least: float, most: float) -> str:
    """x between bounds."""
    if (least, most) == (0, 6):
        return call.apply("relu6", x)
    bounds: dict[str, Any] = {"min": least} if least > -UNBOUNDED else {}
    if most < UNBOUNDED:
        bounds["max"] = most
    return call.apply("clamp", x, **bounds) if bounds else x


def hardsigmoid(call: Call, x: str, alpha: float, beta: float) -> str:
    """min(max(alpha x + beta, 0), 1)."""
    if _is_usual(alpha, beta):
        return call.apply("hardsigmoid", x)
    return call.apply("clamp", call.apply("scale_shift", x, scale=(alpha,), shift=(beta,)), min=0.0, max=1.0)


def hardswish(call: Call, x: str, alpha: float, beta: float) -> str:
    """x hardsigmoid(x)."""
    if _is_usual(alpha, beta):
        return call.apply("hardswish", x)
    return call.apply("mul", x, hardsigmoid(call, x, alpha, beta))


def _is_usual(alpha: float, beta: float) -> bool:
    return math.isclose(alpha, 1 / 6, rel_tol=1e-4) and beta == 0.5


def plain(op: str, **attrs: Any) -> Lower:
    """A layer that is one of our operators, without parameters."""
    return lambda call, p: call.apply(op, call.x, **attrs)


def unary(call: Call, name: str, x: str) -> str:
    """A function by its name, made of others where we have none of that name."""
    match name:
        case "square":
            return call.apply("mul", x, x)
        case "rsqrt":
            return call.apply("reciprocal", call.apply("sqrt", x))
        case "trunc":
            return call.apply("div", x, call.constant(1, "float32"), rounding_mode="trunc")
        case "log10":
            return call.apply("scale_shift", call.apply("log", x), scale=(1 / math.log(10),))
    if name not in ops.names():
        call.refuse(f"the function {name} is not supported")
    return call.apply(name, x)


def _unary_op(call: Call, p: Parameters) -> str:
    kind = p.integer("op_type")
    if not 0 <= kind < len(UNARY):
        call.refuse(f"operation {kind} is not known")
    return unary(call, UNARY[kind], call.x)


def _relu(call: Call, p: Parameters) -> str:
    slope = p.number("slope")
    return call.apply("leaky_relu", call.x, negative_slope=slope) if slope else call.apply("relu", call.x)


def _prelu(call: Call, p: Parameters) -> str:
    p.integer("num_slope")
    return call.apply("prelu", call.x, params={"weight": call.attribute("weight")})


def _prelu_weights(p: Parameters, weights: WeightReader) -> dict[str, Any]:
    return {"weight": weights.plain(p.integer("num_slope", least=1))}


def _selu(call: Call, p: Parameters) -> str:
    alpha, scale = p.number("alpha", SELU[0]), p.number("lambda", SELU[1])
    if math.isclose(alpha, SELU[0], rel_tol=1e-5) and math.isclose(scale, SELU[1], rel_tol=1e-5):
        return call.apply("selu", call.x)
    return call.apply("scale_shift", call.apply("elu", call.x, alpha=alpha), scale=(scale,))


def _clip(call: Call, p: Parameters) -> str:
    return clipped(call, call.x, p.number("min", -math.inf), p.number("max", math.inf))


def _gelu(call: Call, p: Parameters) -> str:
    return call.apply("gelu", call.x, approximate="tanh" if p.flag("fast_gelu") else "none")


def _threshold(call: Call, p: Parameters) -> str:
    limit = call.constant(p.number("threshold"), "float32")
    return call.apply("cast", call.apply("gt", call.x, limit), dtype="float32")


def _shifted(call: Call, p: Parameters, x: str) -> str:
    """shift + scale x."""
    scale, shift = p.number("scale", 1.0), p.number("shift")
    return x if (scale, shift) == (1, 0) else call.apply("scale_shift", x, scale=(scale,), shift=(shift,))


def _exp(call: Call, p: Parameters) -> str:
    base, x = p.number("base", -1.0), _shifted(call, p, call.x)
    return call.apply("exp", x) if base == -1 else call.apply("pow", call.constant(base, "float32"), x)


def _log(call: Call, p: Parameters) -> str:
    base, y = p.number("base", -1.0), call.apply("log", _shifted(call, p, call.x))
    if base == -1:
        return y
    if base <= 0 or base == 1:
        call.refuse(f"base: expected a number above 0 other than 1, found {base}")
    return call.apply("scale_shift", y, scale=(1 / math.log(base),))


def _power(call: Call, p: Parameters) -> str:
    return power(call, _shifted(call, p, call.x), p.number("power", 1.0))


def power(call: Call, x: str, exponent: float) -> str:
    """x to a fixed power, by the operators that are quicker where there are such."""
    match exponent:
        case 1:
            return x
        case 2:
            return call.apply("mul", x, x)
        case 0.5:
            return call.apply("sqrt", x)
        case -1:
            return call.apply("reciprocal", x)
    return call.apply("pow", x, call.constant(exponent, "float32"))


_SHIFTED = {1: "scale", 2: "shift"}
_HARD = {0: "alpha", 1: "beta"}

LAYERS: Layers = {
    "AbsVal": LayerKind(plain("abs")),
    "BNLL": LayerKind(plain("softplus")),
    "CELU": LayerKind(lambda c, p: c.apply("celu", c.x, alpha=p.number("alpha", 1.0)), {0: "alpha"}),
    "Clip": LayerKind(_clip, {0: "min", 1: "max"}),
    "ELU": LayerKind(lambda c, p: c.apply("elu", c.x, alpha=p.number("alpha", 0.1)), {0: "alpha"}),
    "Erf": LayerKind(plain("erf")),
    "Exp": LayerKind(_exp, {0: "base"} | _SHIFTED),
    "GELU": LayerKind(_gelu, {0: "fast_gelu"}),
    "HardSigmoid": LayerKind(lambda c, p: hardsigmoid(c, c.x, p.number("alpha", 0.2), p.number("beta", 0.5)), _HARD),
    "HardSwish": LayerKind(lambda c, p: hardswish(c, c.x, p.number("alpha", 0.2), p.number("beta", 0.5)), _HARD),
    "Log": LayerKind(_log, {0: "base"} | _SHIFTED),
    "Mish": LayerKind(plain("mish")),
    "Power": LayerKind(_power, {0: "power"} | _SHIFTED),
    "PReLU": LayerKind(_prelu, {0: "num_slope"}, _prelu_weights),
    "ReLU": LayerKind(_relu, {0: "slope"}),
    "SELU": LayerKind(_selu, {0: "alpha", 1: "lambda"}),
    "Sigmoid": LayerKind(plain("sigmoid")),
    "Softplus": LayerKind(plain("softplus")),
    "Swish": LayerKind(plain("silu")),
    "TanH": LayerKind(plain("tanh")),
    "Threshold": LayerKind(_threshold, {0: "threshold"}),
    "UnaryOp": LayerKind(_unary_op, {0: "op_type"}),
}
