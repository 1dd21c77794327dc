"""Low rank of whole models: layers that are measured to be faster, fitted to pictures, and a report of what was made.

    pictures = ti.quantization.read_pictures("photos/", model)
    made = ti.decomposition.decompose_model(model, ti.decomposition.Settings(mult_adds=0.5), pictures)
    made.model, made.report

``tinyinfer.passes.low_rank`` is the step from graph to graph; here is what has to run the network.
"""

from tinyinfer.decomposition.decompose import Decomposed, Settings, decompose_model
from tinyinfer.decomposition.report import LowRankReport, LowRankRow

__all__ = ["Decomposed", "LowRankReport", "LowRankRow", "Settings", "decompose_model"]
