"""Operators that files have in pieces, put together again: what exporters break up, networks of our own have as one.

Every file is a step of `pipeline.recognise`, for one kind of operator each; what they say it in is in ``patterns``.
"""
