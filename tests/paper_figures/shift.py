"""What the paper prints of ShiftNet (Wu et al. 2018, table 7); columns as in first.py."""

FIGURES = [
    ("shiftnet_a", 4.1e6, 1.4e9, 0.025),  # 4.19 million, where the paper cuts digits off
    ("shiftnet_b", 1.1e6, 371e6, 0.08),  # 1.18 million, where the paper cuts digits off
    ("shiftnet_c", 0.78e6, None, 0.12),  # 0.69 million: the modules as the text describes them
]
