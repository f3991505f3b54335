"""PoLe's contracts as anybody can read them: rounds, tasks, ballots, stakes and money."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pole.adapters.ethereum.connection import (
    balance_of,
    check_deployment,
    node_answers,
    open_node,
)
from pole.adapters.ethereum.contract_errors import ErrorTable, ballot_name
from pole.adapters.ethereum.decoding import (
    to_ballot,
    to_finding,
    to_posted_task,
    to_record,
    to_round,
    to_solution,
)
from pole.adapters.ethereum.deployment import Deployment, read_deployment
from pole.adapters.ethereum.events.announcements import Announcements
from pole.adapters.ethereum.events.event_index import DELEGATIONS, Event, EventIndex, Wanted
from pole.adapters.ethereum.looking import Call, Lookout
from pole.adapters.node.contract import Contract
from pole.adapters.node.node import Node
from pole.adapters.node.questions import block
from pole.adapters.node.refusals import NodeRefusalError
from pole.errors import RefusedError
from pole.protocol.encoding.records import (
    KeysPosted,
    RecordData,
    SolutionCommitted,
    SolutionDisplaced,
    SolutionRevealed,
    TestSeedDrawn,
    TestSetReleased,
    decode_record,
)
from pole.protocol.parameters import Parameters
from pole.protocol.rounds.value_heap import WaitingTask, waiting_task
from pole.protocol.state import (
    FileRef,
    Finding,
    PostedTask,
    RecordKind,
    Round,
    Solution,
)
from pole.roles.ports import BallotView, Delegation, Moment

if TYPE_CHECKING:
    from web3 import Web3

RECENT_ROUNDS: Final = 10
"""So many rounds with commitments tell how many miners to expect."""

Kind = TypeVar("Kind", bound=RecordData)


@dataclass(frozen=True, slots=True)
class Stake:
    """What a verifier has staked.

    The amount in wei, whether it has a seat, when it left that (0 while seated), and how often in a row it
    abstained where a truth was found.
    """

    amount: int
    seated: bool
    left_at: int
    strikes: int


def open_chain_reader(rpc: str, deployment: Path) -> "ChainReader":
    """Connect to the contracts that a deployment file names, through the node at `rpc`.

    Raises InputError for an unusable file or another chain, UnreachableError when the node does not answer.
    """
    named = read_deployment(deployment)
    node = open_node(rpc)
    check_deployment(node, named)
    return ChainReader(node, named)


class ChainReader:
    """The contracts of one deployment through one node; no wallet is needed."""

    def __init__(
        self, node: Node, deployment: Deployment, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.node = node
        self.deployment = deployment
        self.contracts = {
            name: Contract(entry.address, entry.abi) for name, entry in deployment.contracts.items()
        }
        self.errors = ErrorTable(entry.abi for entry in deployment.contracts.values())
        self._lookout = Lookout(node, self.contracts, deployment.parameters.committee.lanes, clock)
        self.index = EventIndex(node, deployment, self.contracts, self._lookout.fresh_head)
        self._announcements = Announcements(self._index, deployment.parameters.committee.lanes)
        self._tasks: dict[int, PostedTask] = {}

    @cached_property
    def w3(self) -> "Web3":
        """Return a web3 of the node, to send with; it takes a second of processor to import."""
        from pole.adapters.node.provider import web3_over

        return web3_over(self.node)

    @cached_property
    def delegations(self) -> EventIndex:
        """Return the events by which owners of tasks delegated their keys."""
        return self._index(Wanted(DELEGATIONS))

    def _index(self, wanted: Wanted) -> EventIndex:
        return EventIndex(self.node, self.deployment, self.contracts, self._lookout.fresh_head, wanted=wanted)

    def view(self, contract: str, function: str, *arguments: Any, block: int | None = None) -> Any:
        """Return what a view function answers, at the newest block or at `block`.

        Raises RefusedError when it reverts.
        """
        try:
            return self.node.ask(self.contracts[contract].call(function, *arguments, block=block))
        except NodeRefusalError as error:
            raise self.errors.translate(error) from error

    def standing(self, contract: str, function: str, *arguments: Any) -> Any:
        """Return what a view function answers that only an event or a deadline changes, as `view` does.

        What was answered since the last of them, to who remembers, is not asked again.
        """
        (answer,) = self._standing([(contract, function, *arguments)])
        return answer

    def _standing(self, calls: Sequence[Call]) -> list[Any]:
        try:
            return self._lookout.ask(calls)
        except NodeRefusalError as error:
            raise self.errors.translate(error) from error

    @property
    def parameters(self) -> Parameters:
        """Return what the deployment fixes for ever."""
        return self.deployment.parameters

    def moments(self) -> tuple[Moment, ...]:
        """Return the newest round of every lane at the newest block, by lane.

        Asks the contracts only where something can have changed since the last look.
        """
        return self._lookout.look().moments

    def round(self, round_id: int) -> Round:
        """Return a round, the newest of a lane as the last look showed it where that is fresh.

        Raises RefusedError when there is none.
        """
        newest = self._lookout.latest().rounds.get(round_id)
        if newest is not None:
            return newest
        found = to_round(round_id, self.standing("PoLeChain", "round", round_id))
        if not found.opened_at:
            raise RefusedError(f"There is no round {round_id}.")
        return found

    def remember(self, seconds: float) -> None:
        """Let what a look showed answer questions for so long after it; `moments` looks anew."""
        self._lookout.remember(seconds)

    def forget(self) -> None:
        """Look anew before anything else is answered: something was sent."""
        self._lookout.forget()

    def tasks(self) -> tuple[PostedTask, ...]:
        """Return every task ever posted, oldest first."""
        return tuple(to_posted_task(event.arguments) for event in self.index.events("TaskPosted"))

    def task(self, task_id: int) -> PostedTask:
        """Return a task as posted; raises RefusedError when there is none."""
        if task_id not in self._tasks:
            self._tasks = {task.task_id: task for task in self.tasks()}
        try:
            return self._tasks[task_id]
        except KeyError:
            raise RefusedError(f"There is no task {task_id}: `pole task list` shows the tasks.") from None

    def posting_of(self, task_id: int) -> str:
        """Return the hash of the transaction that a task was posted with; raises RefusedError without one."""
        return self._posting(task_id).transaction

    def posted_at(self, task_id: int) -> int:
        """Return the time of the block that a task was posted in; raises what `posting_of` raises."""
        with node_answers():
            return int(self.node.ask(block(self._posting(task_id).block))["timestamp"])

    def _posting(self, task_id: int) -> Event:
        for event in self._postings(task_id):
            return event
        raise RefusedError(f"There is no task {task_id}: `pole task list` shows the tasks.")

    def _postings(self, task_id: int) -> Iterator[Event]:
        return (event for event in self.index.events("TaskPosted") if event.arguments["taskId"] == task_id)

    def waiting_tasks(self) -> tuple[WaitingTask, ...]:
        """Return the tasks that wait for a round, oldest first."""
        events = self.index.snapshot()
        left = ("TaskCancelled", "TaskReplaced", "TaskTaken")
        gone = {event.arguments["taskId"] for name in left for event in events.get(name, ())}
        posted = (to_posted_task(event.arguments) for event in events.get("TaskPosted", ()))
        limits = self.deployment.parameters.task_list
        return tuple(
            waiting_task(task.task_id, task.terms, limits) for task in posted if task.task_id not in gone
        )

    def next_task(self) -> PostedTask | None:
        """Return the most valuable of the tasks that wait, None where none does."""
        task_id = self.view("TaskList", "best")
        return self.task(task_id) if task_id else None

    def replaced_tasks(self) -> dict[int, int]:
        """Return for each task that was pushed out of a full list which task took its place."""
        told = (event.arguments for event in self.index.events("TaskReplaced"))
        return {arguments["taskId"]: arguments["byTaskId"] for arguments in told}

    def delegation(self, task_id: int) -> Delegation | None:
        """Return to whom the task's owner delegated its keys last, None when it did not."""
        for event in reversed(self.delegations.events("KeysDelegated")):
            told = event.arguments
            if told["taskId"] == task_id:
                return Delegation(told["delegate"], FileRef(told["sharingCid"], bytes(told["sharingDigest"])))
        return None

    def partial_keys(self, task_id: int, holders: Collection[str]) -> dict[str, FileRef]:
        """Return where each of some addresses says that its partial keys for the task are: its last word.

        The node is not asked for what others say, which may be any number of times.
        """
        posted = next(self._postings(task_id), None)
        if posted is None:
            return {}
        return self._announcements.of(task_id, holders, posted.block)

    def solutions(self, round_id: int) -> tuple[Solution, ...]:
        """Return the round's solutions by place, in the order in which places were first taken."""
        return tuple(to_solution(raw) for raw in self.standing("PoLeChain", "solutions", round_id))

    def displaced_miners(self, round_id: int) -> frozenset[str]:
        """Return who lost a place of the round to a higher claim, also who has come back since."""
        displaced = self._recorded(RecordKind.SOLUTION_DISPLACED, SolutionDisplaced)
        return frozenset(each.miner for each in displaced if each.round_id == round_id)

    def functional_keys(self, round_id: int) -> FileRef | None:
        """Return where the round's functional keys are, None before they are posted."""
        for keys in self._recorded(RecordKind.KEYS_POSTED, KeysPosted):
            if keys.round_id == round_id:
                return FileRef(keys.keys_cid, keys.keys_digest)
        return None

    def test_set(self, round_id: int) -> FileRef | None:
        """Return where the round's test set is, None before its release."""
        for test in self._recorded(RecordKind.TEST_SET_RELEASED, TestSetReleased):
            if test.round_id == round_id:
                return FileRef(test.test_cid, test.test_digest)
        return None

    def test_seed(self, round_id: int) -> bytes | None:
        """Return the seed of an idle round's test set, None before it is drawn."""
        for drawn in self._recorded(RecordKind.TEST_SEED_DRAWN, TestSeedDrawn):
            if drawn.round_id == round_id:
                return drawn.test_seed
        return None

    def models(self, round_id: int) -> dict[str, FileRef]:
        """Return each revealed miner's model file."""
        return {
            model.miner: FileRef(model.model_cid, model.model_digest)
            for model in self._recorded(RecordKind.SOLUTION_REVEALED, SolutionRevealed)
            if model.round_id == round_id
        }

    def ballot(self, ballot_id: int) -> BallotView:
        """Return a ballot of a lane's newest round; its stage is NONE before the draw."""
        calls = [("VerifierCommittee", function, ballot_id) for function in ("ballot", "members")]
        ballot, members = self._standing(calls)
        return BallotView(to_ballot(ballot), tuple(members))

    def vote_state(self, ballot_id: int, verifier: str) -> tuple[bytes, bool]:
        """Return a member's vote commitment (32 zero bytes without one) and whether it was revealed.

        Raises RefusedError for who is no member.
        """
        member = self.member(ballot_id, verifier)
        commitment, revealed = self.standing("VerifierCommittee", "voteOf", ballot_id, member)
        return bytes(commitment), bool(revealed)

    def member(self, ballot_id: int, verifier: str) -> int:
        """Return a verifier's index among the members of a ballot; raises RefusedError for who is none."""
        members = self.standing("VerifierCommittee", "members", ballot_id)
        if verifier not in members:
            raise RefusedError(f"{verifier} is not on the committee of {ballot_name(ballot_id)}.")
        return int(members.index(verifier))

    def findings(self, ballot_id: int) -> tuple[Finding, ...]:
        """Return what stands after a closed ballot, one finding a choice."""
        return tuple(to_finding(raw) for raw in self.standing("VerifierCommittee", "findings", ballot_id))

    def seats_at(self, time: int) -> int:
        """Return how many verifiers had a seat at the end of a second that is past."""
        return int(self.view("VerifierCommittee", "seatsAt", time))

    def recent_miners(self) -> tuple[frozenset[str], ...]:
        """Return who committed in each of the last rounds in which anybody did: ten at most, newest first."""
        found: dict[int, set[str]] = {}
        for commitment in self._recorded(RecordKind.SOLUTION_COMMITTED, SolutionCommitted):
            if commitment.round_id not in found and len(found) == RECENT_ROUNDS:
                break
            found.setdefault(commitment.round_id, set()).add(commitment.miner)
        return tuple(map(frozenset, found.values()))

    def is_lost(self, block: int) -> bool:
        """Return whether the hash of a past Ethereum block can be had no more, so that it draws nothing."""
        return not any(self.view("Entropy", "hashOf", block))

    def credit_of(self, address: str) -> int:
        """Return what `address` may withdraw, in wei."""
        return int(self.view("RewardReservoir", "creditOf", address))

    def balance_of(self, address: str) -> int:
        """Return the ether of `address` itself, in wei."""
        return balance_of(self.node, address)

    def stake_of(self, address: str) -> Stake:
        """Return what `address` has staked as a verifier."""
        return Stake(*self.view("VerifierCommittee", "stakeOf", address))

    def _recorded(self, kind: RecordKind, data: type[Kind]) -> Iterator[Kind]:
        """Yield what the records of a kind say, newest first.

        What is asked for is mostly of the open round.
        """
        for event in reversed(self.index.events("Recorded")):
            if event.arguments["kind"] == kind:
                decoded = decode_record(to_record(event.arguments))
                if isinstance(decoded, data):
                    yield decoded
