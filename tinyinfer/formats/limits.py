"""How much a file may ask for; every format's limits in one place."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

MIB, GIB = 2**20, 2**30


@dataclass(frozen=True)
class Limits:
    """Bounds checked before memory is allocated or time is spent; sizes in bytes unless said otherwise."""

    # all formats
    total_bytes: int = 2 * GIB  # everything one file may unpack to
    name_length: int = 1024  # characters of a key, node or member name
    rank: int = 8
    dimension: int = 2**24  # one side of a tensor
    elements: int = 2**31  # of one value of the network at its nominal size

    # elements read and made where values are worked out while a file is read, as a few bytes can ask for any number of
    # them: some, and as many for each element of the file as take it through quantisation, transposition and the like
    worked_out: int = 2**26
    worked_out_per_element: int = 8

    # zip: the largest public networks have some 3,000 tensors
    members: int = 20_000
    directory_bytes: int = 4 * MIB
    ratio: int = 200  # unpacked to packed; deflate's own maximum is 1032
    ratio_floor: int = MIB  # members below this may shrink as much as they like

    # npy
    header_bytes: int = 10_000

    # the JSON document of a model file
    document_bytes: int = 16 * MIB
    depth: int = 32
    nodes: int = 20_000
    labels: int = 100_000
    text_length: int = 100_000  # characters of one string

    # protobuf and FlatBuffers
    fields: int = 500_000  # of all messages and tables: a network of 1,000 nodes has some 30,000
    packed_bytes: int = 32 * MIB  # integers written in 7-bit groups: eight times as large once they are read
    data_files: int = 500  # beside a model, all of them open while it is read

    # safetensors, whose own limit of 100 MB of JSON would take gigabytes to parse; 20,000 arrays take 3 MB
    tensors_header_bytes: int = 16 * MIB

    # ncnn's text: an array of a number for each of 2,000 channels takes 20,000 characters
    line_length: int = 1_000_000

    # pickle: a MobileNet V2 takes 10,000 opcodes; the weights themselves are in it if they are NumPy arrays
    pickle_bytes: int = GIB
    opcodes: int = 500_000
    marks: int = 1_000  # containers open at once
    sharing: int = 16  # bytes of all tensors to bytes of their storages: views of one storage may have to be copied

    def oversized(self, shape: Iterable[int]) -> str:
        """What is wrong with a shape of too many elements, or nothing.

        Sizes of 0 count as 1: NumPy can't make an array of 0 x 2^72 either.
        """
        found = math.prod(size or 1 for size in shape)
        wanted = f"expected a shape of at most {self.elements} elements along all sizes but 0"
        return f"{wanted}, found {found}" if found > self.elements else ""


DEFAULT = Limits()
