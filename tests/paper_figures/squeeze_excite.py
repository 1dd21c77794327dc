"""What the papers print of SE-ResNet, SE-ResNeXt and SENet-154.

Rows: network, parameters, mult-adds (None: not printed), largest relative deviation; why, where it exceeds 2 %.
"""

FIGURES = [
    ("legacy_seresnet50", 28.1e6, 3.87e9, 0.01),  # Hu et al., tables 2 and 10
    ("legacy_seresnet101", 49.3e6, 7.60e9, 0.01),
    ("legacy_seresnet152", 66.8e6, 11.32e9, 0.01),
    ("legacy_seresnext50_32x4d", None, 4.25e9, 0.01),
    ("legacy_seresnext101_32x4d", None, 8.00e9, 0.01),
    ("legacy_senet154", 115.1e6, 20.7e9, 0.01),  # appendix
    ("seresnet50", 28.1e6, 3.87e9, 0.06),  # timm's stride is on the 3x3, the authors' on the 1x1
]
