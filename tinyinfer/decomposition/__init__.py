"""Low rank of whole models: forms that are measured to be faster, and a report of what was decomposed and why not.

    made = ti.decomposition.decompose_model(model, ti.decomposition.Settings(mult_adds=0.5, measured=True))
    made.model, made.report

``tinyinfer.passes.low_rank`` is the step from graph to graph; here is what has to run the network.
"""

from tinyinfer.decomposition.decompose import Decomposed, Settings, decompose_model
from tinyinfer.decomposition.report import LowRankReport, LowRankRow

__all__ = ["Decomposed", "LowRankReport", "LowRankRow", "Settings", "decompose_model"]
