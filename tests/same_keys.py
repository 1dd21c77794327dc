"""Networks whose keys and shapes are another's too: the first of them is the one that convert names."""

SAME_KEYS = {
    "tf_mobilenetv3_large_100": "mobilenet_v3_large",
    "tf_mobilenetv3_large_075": "mobilenetv3_large_075",
    "tf_mobilenetv3_small_100": "mobilenet_v3_small",
    "tf_mobilenetv3_small_075": "mobilenetv3_small_075",
}
