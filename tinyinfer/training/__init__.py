"""Training on small pictures with torch, on a CPU: one recipe for every network, with or without a teacher.

``python -m tinyinfer.training DATA OUT --arch NAME`` trains; it needs the package's ``training`` extra.  The graph that
is trained is the graph that is run (`bench.torch_peer`).
"""
