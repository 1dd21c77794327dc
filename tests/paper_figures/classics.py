"""What the papers print of AlexNet, VGG, the Inceptions, Xception, FractalNet, PolyNet and GUNN.

Rows: network, parameters, mult-adds (None: not printed), largest relative deviation; why, where it exceeds 2 %.
"""

FIGURES = [
    ("alexnet", 61e6, 0.72e9, 0.01),  # Iandola et al. 2016 and Sze et al. 2017
    ("alexnet_original", 60e6, 0.724e9, 0.02),  # Krizhevsky et al., abstract; Sze et al. 2017, table 2
    ("vgg11", 133e6, None, 0.005),  # Simonyan and Zisserman, table 2
    ("vgg13", 133e6, None, 0.005),
    ("vgg16_c", 134e6, None, 0.005),
    ("vgg16", 138e6, 15.5e9, 0.005),
    ("vgg19", 144e6, 19.6e9, 0.005),
    ("googlenet", None, 1.5e9, 0.01),  # Szegedy et al. 2014, section 1
    ("googlenet_original", 6.8e6, 1.502e9, 0.06),  # table 1 summed up; its 34 M for the first convolution are 118 M
    ("inception_v3", 23.8e6, 5.72e9, 0.01),  # Zoph et al. 2018, table 2
    ("inception_v4", 42.7e6, 12.3e9, 0.01),  # the same, figure 5
    ("inception_resnet_v2", 55.8e6, 13.2e9, 0.01),  # the same, table 2
    ("xception", 22_855_952, 8.38e9, 0.005),  # Chollet, table 3; Zoph et al. 2018, table 2
    ("polynet", 92e6, 34.7e9, 0.04),  # Zoph et al. 2018, table 2; the weights the authors released are 95.4 M
    ("fractalnet20", 38.6e6, None, 0.13),  # Larsson et al., table 1; the channels that section 4.2 names give 33.7 M
    ("gunn15", 1.6e6, None, 0.01),  # Qiao et al., table 2
    ("gunn18", 28.9e6, None, 0.001),  # the same, table 4
]
