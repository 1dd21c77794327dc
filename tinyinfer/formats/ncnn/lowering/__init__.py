"""What each ncnn layer is here.

Every file has a table ``LAYERS`` of `LayerKind` by type; `table` puts them together.  Sizes and axes of a blob count
without the batch that values have here: its dimension i is dimension i + 1.
"""
