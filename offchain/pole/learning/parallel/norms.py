"""BatchNorm over all parts of a batch, as one process would compute it.

Each rank's own statistics would make a smaller batch of every part: with eight ranks and a batch of 16 those
of two samples, and another model than one process trains. torch's SyncBatchNorm computes them together, but
on GPUs alone; here is the same for the processor.
"""

from typing import Any

import torch
import torch.distributed
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class SharedBatchNorm(_BatchNorm):
    """BatchNorm1d or BatchNorm2d whose statistics are those of all ranks' samples.

    In training every rank must compute it, with any number of samples.
    """

    def __init__(self, own: _BatchNorm) -> None:
        super().__init__(own.num_features, own.eps, own.momentum)
        self.weight, self.bias = own.weight, own.bias
        self.running_mean, self.running_var = own.running_mean, own.running_var
        self.num_batches_tracked = own.num_batches_tracked

    def forward(self, x: Tensor) -> Tensor:
        """Return `x`, (n, channels, …), normalised."""
        if not self.training:
            return super().forward(x)
        axes, shape = (0, *range(2, x.ndim)), (1, -1, *(1,) * (x.ndim - 2))
        x = x.float()
        own = x.mean(axes)
        parts: Tensor = _Gathered.apply(  # type: ignore[no-untyped-call]
            torch.cat([own, (x - own.view(shape)).square().sum(axes), x.new_tensor([x.numel() / len(own)])])
        )
        # Chan, Golub, LeVeque 1979, formula 2.1: the difference of two large sums would lose the variance.
        means, squares, counts = parts[:, : len(own)], parts[:, len(own) : -1], parts[:, -1:]
        count = counts.sum()
        mean = (counts * means).sum(0) / count
        variance = (squares + counts * (means - mean).square()).sum(0) / count
        self._follow(mean.detach(), variance.detach() * count / (count - 1))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (x - mean.view(shape)) * scale.view(shape) + self.bias.view(shape)

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002 - its name in torch
        if input.ndim < 2:
            raise ValueError(f"A batch has samples and channels, but this one is {tuple(input.shape)}.")

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        momentum = 0.1 if self.momentum is None else self.momentum
        for running, value in ((self.running_mean, mean), (self.running_var, variance)):
            if running is not None:
                running.lerp_(value, momentum)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)


class _Gathered(torch.autograd.Function):
    """The vectors (C,) of all ranks as (ranks, C); every rank's loss depends on each of them."""

    @staticmethod
    def forward(_: Any, own: Tensor) -> Tensor:
        parts = [torch.empty_like(own) for _ in range(torch.distributed.get_world_size())]
        torch.distributed.all_gather(parts, own.detach())
        return torch.stack(parts)

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        total = gradient.contiguous().clone()
        torch.distributed.all_reduce(total)
        return total[torch.distributed.get_rank()]


def share_norms(network: nn.Module) -> None:
    """Let every BatchNorm of a network, wherever it is, compute over all ranks; their tensors stay."""
    for name, module in network.named_children():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            on_gpu = module.weight.device.type == "cuda"
            setattr(network, name, _on_gpus(module) if on_gpu else SharedBatchNorm(module))
        else:
            share_norms(module)


def _on_gpus(module: _BatchNorm) -> nn.Module:
    shared: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]
    return shared
