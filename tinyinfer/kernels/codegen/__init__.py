"""How kernels are compiled and kept: the CPU, Numba behind one file, and the vector language over LLVM."""
