import pytest
import torch
from torch import Tensor

from pole.learning.networks.network import Network
from pole.learning.training.optimising.averaging import Average
from pole.protocol.mapping.kinds import LinearMapping
from pole.protocol.models.specification import mlp

SPEC = mlp(input_shape=(4,), input_bits=8, mapping=LinearMapping(bits=8, queries=4), hidden=(6,), classes=3)


def change(network: Network) -> dict[str, Tensor]:
    """Learn something, and return what the network is made of then, norms included."""
    network(torch.randn(8, 4))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter))
    return {name: value.clone() for name, value in network.state_dict().items()}


@pytest.mark.parametrize(("decay", "batches"), [(0.1, 3), (0.75, 40), (0.99, 5)])
def test_an_average_is_of_all_weights_and_statistics_and_forgets_by_its_decay(
    decay: float, batches: int
) -> None:
    torch.manual_seed(0)
    network = Network(SPEC)
    average = Average(network, decay)
    expected: dict[str, Tensor] = {}
    for number in range(batches):
        current, kept = change(network), min(decay, (1 + number) / (10 + number)) if number else 0.0
        expected = {
            name: kept * expected.get(name, value) + (1 - kept) * value for name, value in current.items()
        }
        average.update(network)
    found = average.network.state_dict()
    assert any("running_var" in name for name in found)
    for name, value in found.items():
        if value.is_floating_point():
            assert torch.allclose(value, expected[name], rtol=1e-4, atol=1e-5), name


def test_the_network_itself_is_left_alone() -> None:
    torch.manual_seed(0)
    network = Network(SPEC)
    average = Average(network, 0.5)
    for _ in range(2):
        before = change(network)
        average.update(network)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_an_average_of_a_checkpoint_goes_on_as_it_would_have() -> None:
    torch.manual_seed(0)
    network = Network(SPEC)
    whole, resumed = Average(network, 0.9), Average(network, 0.9)
    for step in range(4):
        change(network)
        whole.update(network)
        if step == 2:
            state = {name: value.clone() for name, value in resumed.state().items()}
            resumed = Average(Network(SPEC), 0.9)
            resumed.resume(state)
        resumed.update(network)
    others = resumed.network.state_dict()
    assert all(torch.equal(value, others[name]) for name, value in whole.network.state_dict().items())
