"""An exponential average of a network over the batches that it learned from (Polyak averaging)."""

from typing import Any, cast

from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from pole.learning.networks.network import Network


class Average:
    """The average of a network's weights and of the statistics of its norms.

    The first batch makes it the network itself, and each other moves it by 1 - `decay` of the way to the
    network. Weights change most in the beginning, so after n batches it is 9 / (10 + n) if that is more.
    """

    def __init__(self, network: Network, decay: float) -> None:
        def move(average: list[Tensor], current: list[Tensor], batches: Tensor) -> None:
            now = min(decay, float((1 + batches) / (10 + batches)))
            get_ema_multi_avg_fn(now)(average, current, batches)  # type: ignore[no-untyped-call]

        self._model = AveragedModel(network, multi_avg_fn=move, use_buffers=True)

    @property
    def network(self) -> Network:
        """Return the averaged network, to be looked at only."""
        return cast(Network, self._model.module)

    def update(self, network: Network) -> None:
        """Take in what a batch has made of the network."""
        self._model.update_parameters(network)

    def state(self) -> dict[str, Any]:
        """Return the average, for a checkpoint."""
        return self._model.state_dict()

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from the average of a checkpoint, which may lie on another device."""
        self._model.load_state_dict(state)
