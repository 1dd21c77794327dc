"""What the papers print of MobileNet V2 and the residual networks.

Rows: network, parameters, mult-adds (None: not printed), largest relative deviation; why, where it exceeds 2 %.
"""

FIGURES = [
    ("mobilenet_v2", 3.4e6, 300e6, 0.04),  # Sandler et al., table 4
    ("mobilenetv2_140", 6.9e6, 585e6, 0.12),  # the same; its head is wider than the released one
    ("resnet18", None, 1.8e9, 0.03),  # He et al., table 1
    ("resnet34", None, 3.6e9, 0.03),
    ("resnet50", None, 3.8e9, 0.08),  # the paper's stride is on the 1x1
    ("resnet101", None, 7.6e9, 0.04),
    ("resnet152", None, 11.3e9, 0.03),
    ("resnet20", 0.27e6, None, 0.02),  # He et al., table 6
    ("resnet32", 0.46e6, None, 0.02),
    ("resnet44", 0.66e6, None, 0.02),
    ("resnet56", 0.85e6, None, 0.02),
    ("resnet110", 1.7e6, None, 0.02),
    ("resnext50_32x4d", 25.0e6, 4.2e9, 0.01),  # Xie et al., table 1
    ("wide_resnet50_2", 68.9e6, None, 0.01),  # Zagoruyko and Komodakis, table 8
]
