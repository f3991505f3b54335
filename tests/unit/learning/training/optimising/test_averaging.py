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
            parameter += torch.randn_like(parameter)
    return {name: value.clone() for name, value in network.state_dict().items()}


def test_an_average_is_of_all_weights_and_statistics_and_forgets_by_its_decay() -> None:
    torch.manual_seed(0)
    network = Network(SPEC)
    average = Average(network, 0.75)
    first, second, third = [(change(network), average.update(network))[0] for _ in range(3)]
    found = average.network.state_dict()
    assert any("running_var" in name for name in found)
    for name, value in found.items():
        if value.is_floating_point():
            expected = 0.75**2 * first[name] + 0.75 * 0.25 * second[name] + 0.25 * third[name]
            assert torch.allclose(value, expected, atol=1e-6), name


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
