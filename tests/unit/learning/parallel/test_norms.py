"""BatchNorm over the parts of a batch, beside torch's over the whole."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import torch
import torch.distributed
from torch import nn

from pole.learning.parallel.norms import SharedBatchNorm, share_norms

CASES = [(nn.BatchNorm1d, (9, 3)), (nn.BatchNorm1d, (5, 3, 4)), (nn.BatchNorm2d, (4, 3, 2, 5))]


@pytest.fixture(scope="module")
def _group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    store = torch.distributed.FileStore(str(tmp_path_factory.mktemp("group") / "meeting"), 1)  # type: ignore[attr-defined]
    torch.distributed.init_process_group(
        "gloo", store=store, rank=0, world_size=1, timeout=timedelta(seconds=30)
    )
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.usefixtures("_group")
@pytest.mark.parametrize(("kind", "shape"), CASES)
@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_it_computes_what_batchnorm_computes(
    kind: type[nn.BatchNorm1d | nn.BatchNorm2d], shape: tuple[int, ...], offset: float
) -> None:
    torch.manual_seed(4)
    own, shared = kind(3), SharedBatchNorm(kind(3))
    for norm in (own, shared):
        nn.init.constant_(norm.weight, 1.5)
        nn.init.constant_(norm.bias, -0.25)
    wanted = torch.randn(shape)
    for _ in range(3):
        x = offset + torch.randn(shape)
        ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
        ((shared(ours) - wanted) ** 2).sum().backward()
        ((own(theirs) - wanted) ** 2).sum().backward()
        assert ours.grad is not None
        assert theirs.grad is not None
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-3, atol=2e-4 * (1 + offset / 100))
    torch.testing.assert_close(shared.state_dict(), own.state_dict())
    torch.testing.assert_close(shared.weight.grad, own.weight.grad, rtol=1e-3, atol=1e-3 * (1 + offset / 100))
    shared.eval()
    own.eval()
    torch.testing.assert_close(shared(wanted), own(wanted), rtol=1e-4, atol=1e-4)


def test_norms_are_shared_wherever_they_are_and_keep_their_tensors() -> None:
    network = nn.Sequential(
        nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Sequential(nn.BatchNorm2d(4), nn.LayerNorm(4))
    )
    before = dict(network.state_dict(keep_vars=True))
    share_norms(network)
    kinds = [type(module).__name__ for module in network.modules()]
    assert kinds.count("SharedBatchNorm") == 2
    assert "LayerNorm" in kinds
    after = dict(network.state_dict(keep_vars=True))
    assert before.keys() == after.keys()
    assert all(after[name] is before[name] for name in before)
