"""What the papers print of DenseNet, CondenseNet and ConvNeXt.

Rows: network, parameters, mult-adds (None: not printed), largest relative deviation; why, where it exceeds 2 %.
"""

FIGURES = [
    ("densenet121", 8.0e6, 2.83e9, 0.01),  # torchvision's documentation; the paper plots them
    ("densenet161", 28.7e6, 7.73e9, 0.01),
    ("densenet169", 14.1e6, 3.36e9, 0.01),
    ("densenet201", 20.0e6, 4.29e9, 0.01),
    ("condensenet74_c4_g4", 4.8e6, 529e6, 0.025),  # Huang et al. 2018, table 3; counts ReLUs and pools too
    ("condensenet74_c8_g8", 2.9e6, 274e6, 0.05),  # the same
    ("condensenet50_cifar", 0.22e6, 28.6e6, 0.055),  # the authors' repository; counts ReLUs and pools too
    ("condensenet74_cifar", 0.41e6, 51.9e6, 0.055),  # the same
    ("condensenet86_cifar", 0.52e6, 65.8e6, 0.055),  # the same
    ("condensenet98_cifar", 0.65e6, 81.3e6, 0.055),  # the same
    ("condensenet110_cifar", 0.79e6, 98.2e6, 0.055),  # the same
    ("condensenet122_cifar", 0.95e6, 116.7e6, 0.055),  # the same
    ("condensenet182_cifar", 4.2e6, 513e6, 0.04),  # the same
    ("convnext_tiny", 28.6e6, 4.5e9, 0.01),  # Liu et al., table 1
    ("convnext_small", 50e6, 8.7e9, 0.01),
    ("convnext_base", 89e6, 15.4e9, 0.01),
    ("convnext_large", 198e6, 34.4e9, 0.01),
]
