"""What the page is given of the families: knobs, tables and where they come from."""

from __future__ import annotations

from typing import Any

from tinyinfer import models
from tinyinfer.models.zoo import shufflenet_v1, shufflenet_v2
from tinyinfer.pages.sandbox.designs.design import TABLES
from tinyinfer.pages.sandbox.designs.knobs import KNOBS, paper_values

TITLES = {
    "mobilenet_v1": "MobileNet V1",
    "mobilenet_v2": "MobileNet V2",
    "mobilenet_v3_large": "MobileNet V3",
    "igcv3_d_1x": "IGCV3",
    "shufflenet_v1_g3_x1_0": "ShuffleNet V1",
    "shufflenet_v2_x1_0": "ShuffleNet V2",
}

CHANNELS = {
    "shufflenet_v1_g3_x1_0": {str(groups): row for groups, row in shufflenet_v1.CHANNELS.items()},
    "shufflenet_v2_x1_0": {str(width): row for width, row in shufflenet_v2.CHANNELS.items()},
}


def families() -> list[dict[str, Any]]:
    """By family: name of the network that the knobs change, title, paper, knobs, table."""
    found = []
    for network, knobs in KNOBS.items():
        family, _ = models.find(network)
        found.append(
            {
                "name": network,
                "family": family.name,
                "title": TITLES[network],
                "paper": family.paper,
                "year": family.year,
                "knobs": [knob._asdict() for knob in knobs],
                "values": paper_values(network),
                "table": TABLES[network],
                "channels": CHANNELS.get(network),
            }
        )
    return found
