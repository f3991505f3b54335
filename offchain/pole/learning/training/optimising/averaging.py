"""An exponential average of a network over the batches that it learned from (Polyak averaging)."""

from collections.abc import Mapping
from typing import Any, cast

from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from pole.learning.networks.network import Network


class Average:
    """The average of a network's weights and of the statistics of its norms.

    Each batch moves it by 1 - `decay` of the way to the network; the first one makes it the network itself.
    """

    def __init__(self, network: Network, decay: float) -> None:
        self._model = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)

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

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from the average of a checkpoint, which may lie on another device."""
        self._model.load_state_dict(state)
