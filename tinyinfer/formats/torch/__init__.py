"""torch's checkpoints, read without torch and without running what they hold.

| file | holds |
| --- | --- |
| ``pickle_reader`` | an interpreter of the pickle opcodes; nothing is ever imported or called |
| ``stand_ins`` | what the globals of a pickle become: inert values, all of them |
| ``values`` | storages and tensors, their sizes checked |
| ``numpy_values`` | NumPy arrays inside a pickle |
| ``zip_file``, ``legacy`` | torch's two containers, since and before 1.6: unpickle, then fill |
| ``state`` | where in an unpickled value the state dict is |
| ``mistaken`` | what was taken for a checkpoint, told by its first bytes |
| ``checkpoint`` | ``read_checkpoint``: unpickle, select, fill |
"""
