"""Convolution as memory, a player: what each way of computing a convolution reads, multiplies and writes, step by step.

``trace`` has the toy that is computed and a machine of five instructions, ``chapters`` the programs for it, each a way
to compute the same; ``machine.js`` runs them in the page as ``trace/machine.py`` does here.

    python -m tinyinfer.pages.player player.html
"""
