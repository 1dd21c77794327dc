"""The two files of an ncnn network: text and weights, checked."""
