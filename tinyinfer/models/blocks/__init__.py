"""Blocks that several families share, each once, named as torchvision names its layers."""

from tinyinfer.models.blocks.atrous import atrous
from tinyinfer.models.blocks.branches import branches
from tinyinfer.models.blocks.conv_bn_act import Style, conv_bn_act, make_divisible, numbered, sequential
from tinyinfer.models.blocks.fire import fire
from tinyinfer.models.blocks.inverted_residual import BlockNames, inverted_residual
from tinyinfer.models.blocks.residual import basic_block, bottleneck
from tinyinfer.models.blocks.squeeze_excite import SqueezeExcite

__all__ = [
    "BlockNames",
    "SqueezeExcite",
    "Style",
    "atrous",
    "basic_block",
    "bottleneck",
    "branches",
    "conv_bn_act",
    "fire",
    "inverted_residual",
    "make_divisible",
    "numbered",
    "sequential",
]
