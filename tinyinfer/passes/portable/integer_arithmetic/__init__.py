"""Networks of real numbers between codes as networks of codes: what a quantised file says is computed with integers.

Files have quantised networks as dequantize_linear, an operator of real numbers, perhaps an activation, and
quantize_linear, or are read so.  Each such piece becomes one operator of `tinyinfer.ops.quantized`; what has none
stays between the two.

| file | holds |
| --- | --- |
| ``codes`` | `Codes`, arrays of integers and what they stand for; `Reading`, a computed value's codes |
| ``movement`` | elements that are moved or chosen before they are dequantised, rather than after |
| ``layers`` | convolutions and fully connected layers, by the integers that their weights are in the file |
| ``weights`` | weights and biases of the file as these operators take them |
| ``pools`` | means of codes |
| ``slopes`` | PReLU of codes |
| ``results`` | quantize_linear as part of what computes the values: layers, sums, products |
| ``tables`` | functions of single codes, and other scales, as tables |
| ``pipeline`` | all of it in its order |
"""
