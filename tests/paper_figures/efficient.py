"""What the papers print of EfficientNet and its V2, TinyNet, GhostNet, AsymmNet and SqueezeNext.

Rows: network, parameters, mult-adds (None: not printed), largest relative deviation; why, where it exceeds 2 %.
"""

FIGURES = [
    ("efficientnet_b0", 5.3e6, 0.39e9, 0.02),  # Tan and Le 2019, table 2
    ("efficientnet_b1", 7.8e6, 0.70e9, 0.02),
    ("efficientnet_b2", 9.2e6, 1.0e9, 0.02),
    ("efficientnet_b3", 12e6, 1.8e9, 0.02),
    ("efficientnet_b4", 19e6, 4.2e9, 0.05),  # torchvision counts 4.39 G for the released network
    ("efficientnet_b5", 30e6, 9.9e9, 0.04),  # torchvision counts 10.27 G
    ("efficientnet_b6", 43e6, 19e9, 0.02),
    ("efficientnet_b7", 66e6, 37e9, 0.025),  # torchvision counts 37.75 G
    ("efficientnet_lite0", 4.7e6, None, 0.02),  # the authors' page
    ("efficientnet_lite1", 5.4e6, None, 0.02),
    ("efficientnet_lite2", 6.1e6, None, 0.02),
    ("efficientnet_lite3", 8.2e6, None, 0.02),
    ("efficientnet_lite4", 13.0e6, None, 0.02),
    ("efficientnet_v2_s", 22e6, 8.8e9, 0.06),  # Tan and Le 2021, table 7; torchvision counts 21.46 M and 8.37 G
    ("efficientnet_v2_m", 54e6, 24e9, 0.03),  # torchvision counts 24.58 G
    ("efficientnet_v2_l", 120e6, 53e9, 0.06),  # torchvision counts 118.52 M and 56.08 G
    ("tinynet_a", 6.2e6, 339e6, 0.02),  # Han et al. 2020, the comparison on ImageNet
    ("tinynet_b", 3.7e6, 202e6, 0.02),
    ("tinynet_c", 2.5e6, 100e6, 0.02),
    ("tinynet_d", 2.3e6, 52e6, 0.02),
    ("tinynet_e", 2.0e6, 24e6, 0.025),  # 2.04 M, cut off to two digits
    ("ghostnet_050", 2.6e6, 42e6, 0.01),  # Han et al. 2020, table 7
    ("ghostnet_100", 5.2e6, 141e6, 0.01),
    ("ghostnet_130", 7.3e6, 226e6, 0.01),
    ("ghostnetv2_100", 6.1e6, 167e6, 0.01),  # Tang et al. 2022, the comparison on ImageNet
    ("ghostnetv2_130", 8.9e6, 269e6, 0.01),
    ("ghostnetv2_160", 12.3e6, 399e6, 0.01),
    ("asymmnet_large", 6.0e6, 216.9e6, 0.02),  # Yang et al. 2021, the comparison on ImageNet
    ("asymmnet_large_050", 2.8e6, 67.2e6, 0.02),
    ("asymmnet_small", 3.1e6, 57.7e6, 0.02),
    ("sqnxt23_w1", 0.72e6, 282e6, 0.025),  # the paper's pictures are 227x227, with which it is 278 M
]
