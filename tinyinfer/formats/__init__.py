"""Files in and out: the .npz model file, torch checkpoints, ONNX.

Every file is taken to be hostile until checked: sizes are compared with `limits` before anything of that size is
allocated, no file can name code to run, and whatever is wrong raises an error of ``tinyinfer.errors`` that says
where, what was expected and what was found.

| file | holds |
| --- | --- |
| ``limits`` | all limits of all formats |
| ``archive``, ``npy`` | zip members and NumPy arrays, checked |
| ``json_reader`` | strict JSON, and a cursor that checks types and knows where it stands |
| ``npz`` | the model file: ``save`` and ``load``; ``graph_json``, ``attributes``, ``meta`` are its document |
| ``pickle_reader`` | an interpreter of the few pickle opcodes checkpoints use; nothing is ever imported or called |
| ``torch_values`` | the stand-ins it builds instead of torch's tensors and storages |
| ``torch_zip``, ``torch_legacy`` | torch's two containers, since and before 1.6 |
| ``torch_checkpoint`` | ``read_checkpoint``: the state dict of either |
| ``plain_npz`` | state dicts that NumPy has saved |
| ``state_dict`` | key maps, and filling a graph's weights strictly |
| ``onnx_*`` | export to ONNX |
"""
