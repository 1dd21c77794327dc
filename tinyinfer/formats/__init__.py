"""Files in and out: the .npz model file, checkpoints, other engines' networks.

Every file is taken to be hostile until checked: sizes are compared with `limits` before anything of that size is
allocated, no file can name code to run, and whatever is wrong raises an error of ``tinyinfer.errors`` that says
where, what was expected and what was found.

| file | holds |
| --- | --- |
| ``limits`` | all limits of all formats |
| ``archive``, ``npy`` | zip members and NumPy arrays, checked |
| ``json_reader`` | strict JSON, and a cursor that checks types and knows where it stands |
| ``npz`` | the model file: ``save`` and ``load``; ``graph_json``, ``attributes``, ``meta`` are its document |
| ``torch/`` | ``read_checkpoint``: the state dict in a torch checkpoint, without torch |
| ``safetensors/`` | the same of .safetensors files, and such files written |
| ``plain_npz`` | state dicts that NumPy has saved |
| ``state_dict`` | key maps, and filling a graph's weights strictly |
| ``importing/`` | what all importers of networks share |
| ``onnx/`` | ONNX in and out |
| ``ncnn/`` | ncnn in |
"""
