"""What papers print of the networks made of interleaved, channel-local and rooted group convolutions.

Rows: network, parameters, mult-adds (None: not printed), largest relative deviation; why, where it exceeds 2 %.
"""

FIGURES = [
    ("igcv3_d_1x", 3.5e6, 318e6, 0.02),  # Sun et al., table of ImageNet results
    ("igcv3_d_1x_cifar", 2.4e6, None, 0.075),  # the same, on CIFAR; 2.34 M with the 100 classes of the other data set
    ("igc_l100m2_imagenet", 8.61e6, 1.3e9, 0.03),  # Zhang et al., table of ImageNet results; 1.26 G rounded
    ("igc_l4m32_imagenet", None, 1.9e9, 0.03),  # the same; 1.94 G rounded; its parameters leave out the classifier
    ("igc_l16m16_imagenet", None, 2.2e9, 0.04),
    ("clcnet_a", 26.2e6 / 8, None, 0.01),  # the released file: weights and their gradients, 8 bytes a parameter
    ("clcnet_b", 32.9e6 / 8, None, 0.01),
    ("nin", 0.967e6, 222e6, 0.01),  # Ioannou et al., table 2
    ("nin_root2", None, 164e6, 0.01),
    ("nin_root4", None, 123e6, 0.01),
    ("nin_root8", None, 103e6, 0.01),
    ("nin_root16", None, 93e6, 0.01),
    ("resnet50_root64", 0.6 * 25.56e6, 0.55 * 3.86e9, 0.01),  # abstract: 40 % fewer parameters, 45 % fewer mult-adds
]
