"""What the papers print of ShuffleNet V1 and V2.

Rows: network, parameters, mult-adds (None: not printed), largest relative deviation; why, where it exceeds 2 %.
"""

FIGURES = [
    ("shufflenet_v1_g1_x1_0", None, 143e6, 0.01),  # Zhang et al., table 1
    ("shufflenet_v1_g2_x1_0", None, 140e6, 0.01),
    ("shufflenet_v1_g3_x1_0", None, 137e6, 0.01),
    ("shufflenet_v1_g4_x1_0", None, 133e6, 0.011),
    ("shufflenet_v1_g8_x1_0", None, 137e6, 0.011),
    ("shufflenet_v1_g3_x0_5", None, 38e6, 0.02),  # table 2
    # table 2 prints the same for every number of groups, of which it keeps the cost about equal
    ("shufflenet_v1_g1_x0_5", None, 38e6, 0.02),
    ("shufflenet_v1_g2_x0_5", None, 38e6, 0.03),
    ("shufflenet_v1_g4_x0_5", None, 38e6, 0.01),
    ("shufflenet_v1_g8_x0_5", None, 38e6, 0.07),
    ("shufflenet_v1_g1_x0_25", None, 13e6, 0.16),
    ("shufflenet_v1_g2_x0_25", None, 13e6, 0.14),
    ("shufflenet_v1_g3_x0_25", None, 13e6, 0.16),
    ("shufflenet_v1_g4_x0_25", None, 13e6, 0.09),
    ("shufflenet_v1_g8_x0_25", None, 13e6, 0.05),
    ("shufflenet_v1_g3_x1_5", None, 292e6, 0.01),  # table 5
    ("shufflenet_v1_g3_x2_0", None, 524e6, 0.01),
    ("shufflenet_g3_w1", None, 137e6, 0.01),
    ("megvii_shufflenet_v2_x0_5", 1.4e6, 41e6, 0.03),  # Ma et al., tables 5 and 8; 1.37 M rounded
    ("megvii_shufflenet_v2_x1_0", 2.3e6, 146e6, 0.01),
    ("megvii_shufflenet_v2_x1_5", 3.5e6, 299e6, 0.01),
    ("megvii_shufflenet_v2_x2_0", 7.4e6, 591e6, 0.01),
    ("shufflenet_v2_x0_5", 1.4e6, 41e6, 0.03),
    ("shufflenet_v2_x1_0", 2.3e6, 146e6, 0.01),
    ("shufflenet_v2_x1_5", 3.5e6, 299e6, 0.012),
    ("shufflenet_v2_x2_0", 7.4e6, 591e6, 0.014),
    ("shufflenet_v2_large", None, 12.7e9, 0.01),  # table 6, SE-ShuffleNet v2-164
    ("shufflenet_v2_plus_small", 5.1e6, 156e6, 0.01),  # the authors' release
    ("shufflenet_v2_plus_medium", 5.6e6, 222e6, 0.015),
    ("shufflenet_v2_plus_large", 6.7e6, 360e6, 0.011),
]
