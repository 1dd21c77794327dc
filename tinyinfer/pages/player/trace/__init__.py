"""The toy convolution, its memory, the language that traces are written in, the machine that runs them, and counts."""
