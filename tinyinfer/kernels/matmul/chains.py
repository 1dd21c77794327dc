"""How microkernels keep two FMA units at work where a tile has few sums: each is split into several, taken in turn."""

from __future__ import annotations

# sums at a time that two FMA units need, as the result of one is there four cycles later: a small tile of fewer sums
# splits each of them (16 rows are a tile of 14 and one of 2)
CHAINS = 8


def in_turn(v, k_size, chains):
    """Steps of a loop over K, each with the sums whose turn it is, so that none has to wait for its last product."""
    turns = len(chains)
    whole = k_size // turns * turns
    with v.loop(whole, turns) as k:
        for turn, sums in enumerate(chains):
            yield k + turn, sums
    if turns > 1:
        with v.loop(k_size - whole) as k:
            yield whole + k, chains[0]
