"""What each TFLite builtin is here.

Every file has a table ``LOWERINGS``: the builtin's name to the function that lowers it; `table` puts them together.

TFLite keeps images channels last (NHWC), a network here channels first, so `values` remembers for every value of the
file which value here stands for it, and in which order its dimensions lie.  Reordering waits until an operator needs
another order: most take any, and map their axes.
"""
