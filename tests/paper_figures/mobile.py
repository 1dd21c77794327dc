"""What the papers print of MobileNet V1, V3 and V4 and of the networks that searches found.

Rows: network, parameters, mult-adds (None: not printed), largest relative deviation; why, where it exceeds 2 %.
"""

FIGURES = [
    ("mobilenet_v1", 4.2e6, 569e6, 0.01),  # Howard et al., tables 6 and 8
    ("mobilenet_v1_075", 2.6e6, 325e6, 0.01),
    ("mobilenet_v1_050", 1.3e6, 149e6, 0.025),  # 1.33 M, cut off to two digits
    ("mobilenet_v1_025", 0.5e6, 41e6, 0.07),  # 0.47 M, rounded up to one digit
    ("mobilenet_v1_shallow", 2.9e6, 307e6, 0.01),  # the same, table 5
    ("mobilenet_v1_conv", 29.3e6, 4866e6, 0.001),  # the same, table 4
    ("mobilenet_v3_large", 5.4e6, 219e6, 0.02),  # Howard et al. 2019, table 3
    ("tf_mobilenetv3_large_075", 4.0e6, 155e6, 0.01),
    ("mobilenet_v3_small", 2.5e6, 56e6, 0.02),
    ("tf_mobilenetv3_small_075", 2.0e6, 44e6, 0.025),  # 2.04 M, cut off to two digits
    ("tf_mobilenetv3_large_minimal_100", 3.9e6, 209e6, 0.01),  # the authors' page of released networks
    ("tf_mobilenetv3_small_minimal_100", 2.0e6, None, 0.025),  # 2.04 M, cut off to two digits
    ("semnasnet_100", 3.9e6, 312e6, 0.01),  # Tan et al., table 1: MnasNet-A1
    ("mnasnet1_0", 4.4e6, 315e6, 0.01),  # MnasNet-B1, the authors' page of released networks
    ("fbnetc_100", 5.5e6, 375e6, 0.03),  # Wu et al., table 2; the released network has 385 M
    ("mobilenetv4_conv_small", 3.8e6, 0.2e9, 0.08),  # Qin et al., at 224, 256 and 384 pixels; one digit of mult-adds
    ("mobilenetv4_conv_medium", 9.2e6, 1.0e9, 0.09),  # one digit again; the released network has 9.7 M
    ("mobilenetv4_conv_large", 31e6, 5.9e9, 0.09),  # the released network has 32.6 M and 6.4 G
    ("rexnet_100", 4.8e6, 0.40e9, 0.01),  # Han et al., the authors' page of released networks
    ("rexnet_130", 7.6e6, 0.66e9, 0.01),
    ("rexnet_200", 16e6, 1.5e9, 0.025),  # 16.4 M, cut off to two digits
    ("raspp_mobilenet_v2", 2.11e6, 2.75e9, 0.01),  # Sandler et al., table 7, at 513 pixels
    ("ssdlite_mobilenet_v2", 4.3e6, 0.80e9, 0.05),  # Sandler et al., table 6; 91 slots, with COCO's 81 it has 4.34 M
    ("ssdlite320_mobilenet_v3_large", 3_440_060, 0.583e9, 0.001),  # torchvision's own figures, at 320 pixels
    ("ssdlite_mobilenet_v3_large", 4.97e6, 0.62e9, 0.02),  # Howard et al. 2019, table 6
    ("ssdlite_mobilenet_v3_large_reduced", 3.22e6, 0.51e9, 0.01),
    ("ssdlite_mobilenet_v3_small", 2.49e6, 0.21e9, 0.02),
    ("ssdlite_mobilenet_v3_small_reduced", 1.77e6, 0.16e9, 0.02),
    ("lraspp_mobilenet_v3_large", 3.22e6, 2.09e9, 0.002),  # torchvision's own figures, at 520 pixels
]
