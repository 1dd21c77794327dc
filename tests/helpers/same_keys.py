"""Networks whose keys and shapes are another's too: the first of them is the one that convert names."""

SAME_KEYS = {
    **{f"tf_efficientnet_{size}": f"efficientnet_{size}" for size in ("b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7")},
    **{f"tf_efficientnetv2_{size}": f"efficientnet_v2_{size}" for size in "sml"},
    **{f"tf_efficientnet_lite{i}": f"efficientnet_lite{i}" for i in range(5)},
    "tf_mobilenetv3_large_100": "mobilenet_v3_large",
    "tf_mobilenetv3_large_075": "mobilenetv3_large_075",
    "tf_mobilenetv3_small_100": "mobilenet_v3_small",
    "tf_mobilenetv3_small_075": "mobilenetv3_small_075",
    "googlenet_transform": "googlenet",
    "inception_v3_transform": "inception_v3",
    "upsampler_bilinear": "upsampler_nearest",  # these upsample without weights
    "upsampler_bicubic": "upsampler_nearest",
    "upsampler_max_unpool": "upsampler_nearest",
    "resnet20_s2": "resnet20",
    "igcv3_w1": "igcv3_d_1x",
    "senet154": "legacy_senet154",
    # under torchvision-like keys; their public checkpoints have others
    **{f"legacy_seresnet{depth}": f"seresnet{depth}" for depth in (50, 101, 152)},
    **{f"legacy_seresnext{depth}_32x4d": f"seresnext{depth}_32x4d" for depth in (50, 101)},
}
