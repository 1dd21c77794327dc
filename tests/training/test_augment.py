"""Pictures that are mixed are between two of those that were given, and have no label."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from tinyinfer.training.augment import blend  # noqa: E402
from tinyinfer.training.distillation.logits import NO_LABEL  # noqa: E402

N = 512


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_share_is_blended(share: float) -> None:
    x, labels = torch.eye(N).view(N, 1, 1, N), torch.arange(N)  # a value for each that a picture is made of
    mixed, left = blend(x, labels, share, torch.Generator().manual_seed(3))
    torch.testing.assert_close(mixed.sum(3), torch.ones(N, 1, 1))
    assert ((mixed >= 0).all(), (mixed > 0).sum(3).max()) == (True, 1 if share == 0 else 2)
    plain = left != NO_LABEL
    assert float((~plain).float().mean()) == pytest.approx(share, abs=0.07)
    assert torch.equal(left[plain], labels[plain])
    assert torch.equal(mixed[plain], x[plain])
    kept = mixed[~plain].view(-1, N)[torch.arange(int((~plain).sum())), labels[~plain]]  # of the picture's own
    if share:
        assert float(kept.mean()) == pytest.approx(0.5, abs=0.08)
