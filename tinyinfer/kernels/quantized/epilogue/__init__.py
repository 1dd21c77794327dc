"""From integer sums to codes: what becomes of the sums of all quantised kernels, step by step as the reference has it.

| file | holds |
| --- | --- |
| ``folding`` | what sums begin with and what a unit of them is worth, of a layer's weights |
| ``requantize`` | `Requantize`, what kernels are told: scales, residual, activation, bounds |
| ``finish`` | the steps themselves, as instructions on registers of sums |
"""
