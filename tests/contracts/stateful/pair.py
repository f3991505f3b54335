"""The contracts on the in-process chain and their model, driven together and compared after every call."""

from collections.abc import Iterable, Sequence
from typing import Any

from eth_abi.abi import decode
from tests.contracts.stateful.evm import Evm, Result, Values, created_address
from tests.contracts.stateful.interface import (
    CONTRACTS,
    SELECTOR,
    Artifact,
    constructor_data,
    errors,
    events,
    functions,
)
from tests.contracts.stateful.model import blocks, views
from tests.contracts.stateful.model.rules import predict
from tests.contracts.stateful.model.system import Call, Clock, Force, Refused, System, Wait
from tests.contracts.stateful.parameters import Parameters

DEPLOYER = "0x" + "de" * 20
FORCER = "0x" + "fc" * 20
RICHES = 2**120

Action = Call | Wait | Force


class Mismatch(AssertionError):
    """The contracts did other than the model said."""


class Pair:
    """Both, at the same state. `people` are everybody who acts."""

    def __init__(
        self,
        compiled: dict[str, Artifact],
        parameters: Parameters,
        people: Sequence[str],
        start: Clock,
    ) -> None:
        self.people = tuple(people)
        self.evm = Evm(start.number, start.time)
        for person in (*people, FORCER):
            self.evm.fund(person, RICHES)
        self.addresses = deploy(self.evm, compiled, parameters)
        abis = {name: compiled[name].abi for name in CONTRACTS}
        self._functions = {
            f"{name}.{function}": each
            for name, abi in abis.items()
            for function, each in functions(abi).items()
        }
        self._events = {self.addresses[name]: (name, events(abi)) for name, abi in abis.items()}
        self._errors = errors([*abis.values(), compiled["IEntropy"].abi])
        # Contracts are refused by none of PoLe's functions, and take ether by none but `deposit`.
        self.model = System(parameters, start, self.addresses, refusing=frozenset(self.addresses.values()))
        blocks.begin(self.model)
        self.events: list[Values] = []
        self._asked: dict[Values, tuple[bytes, Result, Values]] = {}
        self._told_since: dict[Values, tuple[bool, Values]] = {}

    def functions(self, **traits: bool) -> set[str]:
        """Return the functions with these traits, such as `is_view`."""
        return {
            name
            for name, each in self._functions.items()
            if all(getattr(each, trait) == value for trait, value in traits.items())
        }

    def act(self, action: Action) -> str:
        """Do one thing on both sides and return how it went: `ok` or the error's name. Raises Mismatch."""
        self.events = []
        self._told_since = {}
        if isinstance(action, Wait):
            return self._wait(action)
        if isinstance(action, Force):
            self.evm.force(FORCER, self.addresses["RewardReservoir"], action.amount)
            self.model.books.forced += action.amount
            return "ok"
        outcome = self._call(action)
        # What reverts changes nothing, but time may have passed.
        changing = views.changing if outcome == "ok" else views.timed
        self.compare(changing(self.model, self.people))
        return outcome

    def compare(self, expected: Iterable[views.Expectation]) -> None:
        """Raises Mismatch unless every view says what the model expects."""
        for name, arguments, value in expected:
            wanted = (value.error, value.arguments) if isinstance(value, Refused) else value
            told = self._ask(name, arguments)[1]
            if told != wanted:
                raise Mismatch(f"{name}{arguments} says {told}, the model {wanted}")

    def view(self, name: str, *arguments: Any) -> Values:
        """Return what a view of the contracts says."""
        succeeded, told = self._ask(name, arguments)
        assert succeeded, f"{name}{arguments} reverts with {told}"
        return told

    def _ask(self, name: str, arguments: Values) -> tuple[bool, Values]:
        """Return whether a view succeeds, and what it returns or its error; asked once after an action."""
        if (name, arguments) not in self._told_since:
            self._told_since[name, arguments] = self._ask_anew(name, arguments)
        return self._told_since[name, arguments]

    def _ask_anew(self, name: str, arguments: Values) -> tuple[bool, Values]:
        """Ask; what says the same as last time is not decoded again."""
        function, contract = self._functions[name], self.addresses[name.partition(".")[0]]
        data, last, told = self._asked.get((name, arguments)) or (function.call_data(arguments), None, ())
        result = self.evm.ask(contract, data)
        if result != last:
            told = function.returned(result.data) if result.succeeded else self._error(result)
            self._asked[name, arguments] = (data, result, told)
        return result.succeeded, told

    def _wait(self, wait: Wait) -> str:
        clock = self.model.clock
        clock.number += wait.blocks
        clock.time += wait.seconds
        self.evm.set_block(clock.number, clock.time)
        return "ok"

    def _call(self, call: Call) -> str:
        contract = call.function.partition(".")[0]
        function = self._functions[call.function]
        data = function.call_data(call.arguments)
        result = self.evm.send(call.sender, self.addresses[contract], data, call.value)
        self.events = self._told(result)
        told = (function.returned(result.data), self.events) if result.succeeded else self._error(result)
        try:
            returned = predict(self.model, call)
        except Refused as refused:
            wanted: Values = (refused.error, refused.arguments)
            outcome = refused.error or "bare revert"
        else:
            wanted = (returned, [_plain(event) for event in self.model.events])
            outcome = "ok"
        if told != wanted:
            raise Mismatch(f"{call}\ncontracts: {told}\nmodel:     {wanted}")
        return outcome

    def _error(self, result: Result) -> Values:
        if not result.data:
            return "", ()
        name, types = self._errors[result.data[:SELECTOR]]
        return name, decode(types, result.data[SELECTOR:])

    def _told(self, result: Result) -> list[Values]:
        told = []
        for log in result.logs:
            contract, known = self._events[log.address]
            event = known[log.topics[0]]
            told.append((contract, event.name, event.arguments(log)))
        return told


def _plain(event: Values) -> Values:
    contract, name, arguments = event
    return contract, name, tuple(tuple(each) if isinstance(each, list) else each for each in arguments)


def deploy(evm: Evm, compiled: dict[str, Artifact], parameters: Parameters) -> dict[str, str]:
    """Return the address of each contract. They are made in order, since each needs the chain's."""
    addresses = [created_address(DEPLOYER, nonce) for nonce in range(len(CONTRACTS))]
    reservoir, ledger, task_list, committee, chain = addresses
    arguments = [
        (),
        (chain, task_list, committee),
        (reservoir, ledger, chain, tuple(parameters.task_list.values())),
        (reservoir, ledger, chain, tuple(parameters.committee.values())),
        (reservoir, ledger, task_list, committee, tuple(parameters.chain.values())),
    ]
    for name, address, given in zip(CONTRACTS, addresses, arguments, strict=True):
        made = evm.create(DEPLOYER, constructor_data(compiled[name], given))
        assert made == address, name
    return dict(zip(CONTRACTS, addresses, strict=True))
