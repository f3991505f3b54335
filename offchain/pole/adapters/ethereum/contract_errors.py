"""The contracts' custom errors as sentences: what is wrong and what to do."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from pole.adapters.node.contract import SELECTOR, canonical_type, signature_hash
from pole.adapters.node.refusals import NO_FUNDS, VERDICTS, NodeRefusalError, RevertedError
from pole.errors import (
    FundsError,
    LastingRefusalError,
    NoPlaceError,
    PoleError,
    RefusedError,
    TooLateError,
    UnreachableError,
)
from pole.protocol.amounts import ether
from pole.protocol.ballots import round_and_attempt
from pole.protocol.encoding.abi_codec import AbiError, decode_values
from pole.protocol.state import BallotStage, Phase
from pole.quoting import MAX_QUOTED, MAX_REASON, one_line

SENTENCES = {
    # PoLeChain
    "WrongPhase": "Round {roundId} is in phase {phase}; this needs phase {needed}.",
    "UnknownLane": "There is no lane {lane}: the {lanes} lanes are counted from 0.",
    "RoundOpen": "Round {roundId} has not ended: finalise it before another is opened in its lane.",
    "UnknownRound": "There is no round {roundId}.",
    "RoundOver": "The solutions of round {roundId} are no longer kept, for its lane has a newer one: its "
    "records tell them.",
    "NotDataNode": "{caller} does not own the task of round {roundId}: only its data node may do this.",
    "EmptyField": "The field {field} is empty, or longer than 128 bytes.",
    "WrongBond": "{sent} were sent, but the bond due is {due}.",
    "TooManySolutions": "All {maxSolutions} places of round {roundId} are taken, and this claim is not "
    "higher than the lowest: claim {leastClaim} or more, or wait for the next round.",
    "ClaimLowered": "The commitment in round {roundId} claims {claimed} correct predictions; one that "
    "replaces it must claim as many, not {given}.",
    "CountTooLarge": "A count of {count} correct predictions is more than the {total} samples of the set.",
    "TooEarlyToClose": "Submissions cannot be closed yet: {ready} of {minSolutions} commitments claim the "
    "threshold, and it must be {notBefore} at least.",
    "TestSetAwaited": "The data node of round {roundId} may still release its test set, until {deadline} and "
    "Ethereum block {deadlineBlock}, counted from when submissions were closed.",
    "NotClosedBefore": "Submissions of round {roundId} were not closed before this block ({blockNumber}): "
    "release the test set in a later one.",
    "NotSignedByDataNode": "The data node {dataNode} did not sign this release of round {roundId} on this "
    "chain: ask it for a new one (`pole data-node sign-release`).",
    "TimestampOutOfTolerance": "The release was signed at {signedAt}, more than {tolerance} s from the "
    "chain's time {blockTime}: ask the data node for a new one (`pole data-node sign-release`).",
    "WrongTestSet": "The test set's digest is {given}, but the task committed to {expected}: release the "
    "set the task was posted with.",
    "NoCommitment": "{caller} has no commitment in round {roundId}.",
    "AlreadyRevealed": "{caller} has revealed in round {roundId} already.",
    "NothingToDraw": "Round {roundId} is in phase {phase}, and waits for no draw.",
    "DrawPending": "Ethereum block {drawBlock} is named for the draw of round {roundId}: draw by it.",
    "DrawNotReady": "Ethereum block {drawBlock} (0: none is named) cannot draw for round {roundId} yet: wait "
    "for the next block.",
    "IdleRoundOpen": "Round {roundId} is idle and open: one idle round is open at a time.",
    # Entropy
    "HashLost": "The hash of Ethereum block {number} cannot be had: it is to come, or so long ago that "
    "another must be named.",
    "WrongHeader": "These bytes are not the header of Ethereum block {number}: the node's chain is of "
    "another kind than Ethereum's.",
    # Ledger
    "NotRecorder": "{caller} may not record: only the chain, the task list and the committee may.",
    # PoLeChain
    "BadDeployment": "The contracts do not fit together ({what}): deploy them all again.",
    # PoLeChain and VerifierCommittee
    "CommitmentMismatch": "What was revealed hashes to {revealed}, but {committed} was committed: reveal "
    "the same values with the same salt.",
    # TaskList
    "TermOutOfRange": "The term {term} is {given}; this deployment accepts {least} to {most}.",
    "FileMissing": "The file field {field} is empty, or longer than 128 bytes.",
    "WrongPayment": "{sent} were sent, but reward, data bond, fee and rent come to {due}.",
    "TooMuchWork": "Judging a model of the task takes {judgingTime} s, and this deployment allows "
    "{maxJudgingTime} s: take a smaller network or fewer samples.",
    "TaskListFull": "The task list is full ({maxTasks} tasks wait): post again when a round has taken one.",
    "TaskListNotFull": "The task list has room ({waiting} of {maxTasks} tasks wait): post without replacing.",
    "NotMoreValuable": "The task is worth no more than task {replacedId}, which waits: offer a higher "
    "reward, or post again when a round has taken a task.",
    "NoTask": "No task waits: post one with `pole task post`.",
    "PoolTooSmall": "The pool holds {held}, but an idle round pays {needed}: endow the pool, or wait for "
    "the fee of a task.",
    "TaskNotListed": "Task {taskId} does not wait: it never existed, was cancelled or replaced, or a round "
    "took it.",
    "NotTaskOwner": "{caller} does not own task {taskId}: only its owner may do this.",
    # Ledger, TaskList and VerifierCommittee
    "NotChain": "{caller} may not call this: only the PoLe chain may.",
    # VerifierCommittee
    "WrongStake": "{sent} were sent, but {due} complete the stake of a seat.",
    "AlreadySeated": "{verifier} has a seat already.",
    "NotStaked": "{verifier} has no seat or no stake: take a seat with `pole verifier stake`.",
    "StakeBound": "The stake of {verifier} is bound until {freeAfter}, and rounds opened before then have "
    "ended.",
    "NotMember": "{verifier} is not member {member} of the committee of {ballotId}.",
    "WrongStage": "The ballot of {ballotId} is in stage {stage}; this needs stage {needed}.",
    "VotesAwaited": "Members may still vote in {ballotId}, until {deadline} and Ethereum block "
    "{deadlineBlock}.",
    "AlreadyVoted": "{verifier} has done this in {ballotId} already.",
    "NothingToLeak": "{verifier} has no vote in {ballotId} that could be leaked.",
    "EmptyCommitment": "A vote commitment must not be zero.",
    "MalformedVotes": "The votes of {ballotId} are malformed: one for each choice, with numbers for OK only.",
    # RewardReservoir
    "InsufficientBalance": "The account {account} of {holder} holds {balance}, but {amount} were asked of "
    "it.",
    "NothingToWithdraw": "There is nothing to withdraw for {payee}.",
    "WithdrawalRefused": "{recipient} refused the {amount}; the credit stays: withdraw to an address that "
    "takes ether.",
}

_AMOUNTS = {
    ("WrongBond", "sent"),
    ("WrongBond", "due"),
    ("WrongPayment", "sent"),
    ("WrongPayment", "due"),
    ("WrongStake", "sent"),
    ("WrongStake", "due"),
    ("InsufficientBalance", "balance"),
    ("InsufficientBalance", "amount"),
    ("WithdrawalRefused", "amount"),
    ("PoolTooSmall", "held"),
    ("PoolTooSmall", "needed"),
}
# Errors about what is given with the call, whatever the state. CommitmentMismatch is none of them: a node
# that lags behind may still have the commitment that another replaced.
_LASTING = (
    *("UnknownLane", "EmptyField", "ClaimLowered", "CountTooLarge", "NotSignedByDataNode", "WrongTestSet"),
    *("TermOutOfRange", "FileMissing", "TooMuchWork", "EmptyCommitment", "MalformedVotes"),
    *("BadDeployment", "NotRecorder", "NotChain"),
)
# Errors that say more than "not now" to whoever called.
_KINDS = {
    "TooManySolutions": NoPlaceError,
    **dict.fromkeys(("RoundOver", "AlreadyRevealed", "AlreadyVoted"), TooLateError),
    **dict.fromkeys(_LASTING, LastingRefusalError),
}
# What is asked of a phase or stage is given in their order: too late is told from too early.
_GOES_ON = {"WrongPhase": ("phase", "needed"), "WrongStage": ("stage", "needed")}
_TIMES = {
    ("TooEarlyToClose", "notBefore"),
    ("TestSetAwaited", "deadline"),
    ("VotesAwaited", "deadline"),
    ("StakeBound", "freeAfter"),
}
_ENUMS = {"Phase": Phase, "BallotStage": BallotStage}

Abi = Iterable[Mapping[str, Any]]


class ErrorTable:
    """The custom errors of some ABIs by selector."""

    def __init__(self, abis: Iterable[Abi]) -> None:
        errors = [element for abi in abis for element in abi if element["type"] == "error"]
        self._by_selector = {signature_hash(element)[:SELECTOR]: element for element in errors}

    def sentence(self, data: bytes) -> str:
        """Return the sentence for the bytes a call reverted with."""
        element = self._by_selector.get(data[:SELECTOR])
        if element is None:
            return f"The contract refuses the call, for a reason this pole does not know ({_hex(data)})."
        try:
            return _told(element, data[SELECTOR:])
        except (ValueError, OverflowError, KeyError):
            name = one_line(element["name"], MAX_QUOTED)
            return f"The contract refuses the call ({name}, with malformed arguments {_hex(data)})."

    def _refusal(self, data: bytes) -> RefusedError:
        element = self._by_selector.get(data[:SELECTOR])
        kind = RefusedError if element is None else _kind(element, data[SELECTOR:])
        return kind(self.sentence(data))

    def translate(self, error: NodeRefusalError) -> PoleError:
        """Return the error a user sees for what a node refused when a call was simulated or sent."""
        if not isinstance(error, RevertedError):
            return _from_node(error)
        if error.data is None:
            return RefusedError(f"The contract refuses the call: {one_line(str(error), MAX_REASON)}.")
        return self._refusal(_bytes_of(error.data))


def _kind(element: Mapping[str, Any], arguments: bytes) -> type[RefusedError]:
    names = _GOES_ON.get(element["name"])
    if names is None:
        return _KINDS.get(element["name"], RefusedError)
    try:
        values = decode_values(list(map(canonical_type, element["inputs"])), arguments)
    except AbiError:
        return RefusedError
    given = dict(zip([argument["name"] for argument in element["inputs"]], values, strict=True))
    standing, needed = (given[name] for name in names)
    return TooLateError if standing > needed else RefusedError


def _from_node(error: NodeRefusalError) -> PoleError:
    message = str(error).lower()
    if any(words in message for words in NO_FUNDS):
        return FundsError(
            "The wallet cannot pay for the transaction and its gas: fund it, for instance with `pole wallet "
            "fund`."
        )
    said = one_line(message.removesuffix("."), MAX_REASON)
    if any(words in message for words in VERDICTS):
        return RefusedError(f"The node refuses the call: {said}.")
    # A limit, a block it has not got yet, a nonce it knows better: it says nothing about the contracts.
    return UnreachableError(f"The Ethereum node does not serve the request: {said}.")


def _told(element: Mapping[str, Any], arguments: bytes) -> str:
    name, inputs = element["name"], element["inputs"]
    values = decode_values(list(map(canonical_type, inputs)), arguments)
    shown = {
        argument["name"]: _shown(name, argument, value)
        for argument, value in zip(inputs, values, strict=True)
    }
    template = SENTENCES.get(name)
    if template is not None:
        return template.format(**shown)
    told = one_line(", ".join(f"{argument} {value}" for argument, value in shown.items()), MAX_REASON)
    return f"The contract refuses the call: {one_line(name, MAX_QUOTED)} ({told})."


def _bytes_of(data: str) -> bytes:
    try:
        return bytes.fromhex(data.removeprefix("0x"))
    except ValueError:
        return b""


def _shown(error: str, argument: Mapping[str, Any], value: Any) -> str:
    enum = _ENUMS.get(str(argument.get("internalType", "")).split(".")[-1].removeprefix("enum "))
    if enum is not None:
        return enum(value).name
    if argument["name"] == "ballotId":
        return ballot_name(value)
    if argument["type"] == "address":
        return str(value)
    if (error, argument["name"]) in _AMOUNTS:
        return ether(value)
    if (error, argument["name"]) in _TIMES:
        return _shown_time(value)
    return _hex(value) if isinstance(value, bytes) else one_line(str(value), MAX_QUOTED)


def _hex(data: bytes) -> str:
    return one_line("0x" + data[:MAX_QUOTED].hex(), MAX_QUOTED)


def ballot_name(ballot_id: int) -> str:
    """Return how people call a ballot: by its round, and by its committee where that is not the first."""
    round_id, attempt = round_and_attempt(ballot_id)
    return f"round {round_id} (committee {attempt + 1})" if attempt else f"round {round_id}"


def _shown_time(seconds: int) -> str:
    if seconds == 0:
        return "the seat is given up"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
