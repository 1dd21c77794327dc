"""What each ONNX operator is here.

Every file has a table ``LOWERINGS``: (operator, the opset that brought this form of it) to the function that lowers
it; `table` puts them together and finds the form that a file means.  Layers have a file each, operators on tensors of
any rank are in ``tensors``.  ``selections`` has what some of them do where a run shows how many values there are.
"""
