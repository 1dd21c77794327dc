"""What the papers print of networks whose cells were searched for.

Rows: network, parameters, mult-adds (None: not printed), largest relative deviation; why, where it exceeds 2 %.
"""

FIGURES = [
    ("nasnetamobile", 5.3e6, 564e6, 0.01),  # Zoph et al., table 3: NASNet-A (4 @ 1056)
    ("nasnetalarge", 88.9e6, 23.8e9, 0.002),  # the same, table 2: NASNet-A (6 @ 4032)
    ("nasnet_a_cifar", 3.3e6, None, 0.01),  # the same, table 1: NASNet-A (6 @ 768)
    ("pnasnet5large", 86.1e6, 25.0e9, 0.003),  # Liu et al., table 5: PNASNet-5 (4, 216)
    ("pnasnet5mobile", 5.1e6, 588e6, 0.01),  # the same, table 4: PNASNet-5 (3, 54)
    ("amoebanet_a", 86.7e6, 23.1e9, 0.012),  # Real et al., table 2: AmoebaNet-A (6, 190)
    ("amoebanet_a_mobile", 5.1e6, 555e6, 0.003),  # the same, appendix: AmoebaNet-A (4, 50)
    ("amoebanet_a_cifar_darts", 3.2e6, None, 0.018),  # the same, table 1: AmoebaNet-A (6, 36)
    ("nasnet_a_cifar_darts", 3.3e6, None, 0.017),  # Liu, Simonyan and Yang, table 1
    ("darts_v2_cifar", 3.3e6, None, 0.016),  # the same
    ("darts_v1_cifar", 3.3e6, None, 0.04),  # the same; the authors' code has another cell than that run's
    ("darts_v2_imagenet", 4.7e6, None, 0.005),  # the same, table 3
    ("darts_v2_imagenet", None, 574e6, 0.08),  # the same; its count has more than convolutions and the classifier
]
