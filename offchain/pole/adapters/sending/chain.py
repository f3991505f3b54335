"""PoLe's contracts as one wallet sees and uses them; fulfils `roles.ports.Chain`."""

from dataclasses import astuple
from pathlib import Path
from typing import Any, Final

from eth_account.signers.base import BaseAccount
from web3.types import TxReceipt

from pole.adapters.ethereum.chain_reader import ChainReader
from pole.adapters.ethereum.connection import in_one_request, node_answers
from pole.adapters.ethereum.decoding import to_round
from pole.adapters.node.questions import block
from pole.adapters.sending.fees import FeePolicy, expected_price
from pole.adapters.sending.task_states import task_to_replace
from pole.adapters.sending.transactions import Call, Sender
from pole.adapters.storage.journal import SqliteJournal
from pole.errors import InputError
from pole.protocol.encoding.abi import vote_tuple
from pole.protocol.encoding.ethereum_headers import encode_header
from pole.protocol.formats.leaked_vote import LeakedVote
from pole.protocol.formats.signed_release import SignedRelease
from pole.protocol.rounds.payouts import bond_of, miner_bond
from pole.protocol.rounds.rent import payment
from pole.protocol.state import FileRef, Phase, TaskFiles, TaskTerms, Vote
from pole.roles.ports import Delegation, Identity, Moment, Receipt

DRAW_GAS: Final = 2_500_000
"""More than a draw takes at every limit (docs/gas.md); what is not used is not paid."""


def open_ethereum_chain(
    reader: ChainReader,
    account: BaseAccount,
    journal: SqliteJournal,
    *,
    locks: Path,
    policy: FeePolicy | None = None,
) -> "EthereumChain":
    """Return the chain for a wallet.

    `locks` is a folder for its lock file, shared by all processes of the wallet.
    Raises InputError when the journal was written on another chain, which may have had the same id.
    """
    genesis = bytes(reader.node.ask(block(0))["hash"])
    if journal.secret("chain/genesis", lambda: genesis) != genesis:
        raise InputError(
            f"The journal {journal.path} was written on another chain with the same id, which was probably "
            "reset: use another --home, or move the journal's folder away."
        )
    lock = locks / f"{reader.deployment.chain_id}-{account.address.lower()}.lock"
    chain_id = reader.deployment.chain_id
    sender = Sender(reader.w3, account, journal, reader.errors, chain_id=chain_id, lock=lock, policy=policy)
    return EthereumChain(reader, account.address, sender)


class EthereumChain(ChainReader):
    """The contracts for one wallet.

    Every method that sends is idempotent under its intent (see `Sender.send`).
    """

    def __init__(self, reader: ChainReader, address: str, sender: Sender) -> None:
        super().__init__(reader.node, reader.deployment)
        self._sender = sender
        self._identity = Identity(
            reader.deployment.chain_id,
            address,
            self.contracts["PoLeChain"].address,
            self.contracts["VerifierCommittee"].address,
            self.contracts["TaskList"].address,
        )

    @property
    def identity(self) -> Identity:
        """Return who acts where."""
        return self._identity

    def post_task(self, terms: TaskTerms, files: TaskFiles, *, intent: str) -> int:
        """Post and fund a task, in a full list in the place of the least valuable one; return its id.

        Raises FundsError when the wallet cannot pay, RefusedError when the list is full of better tasks.
        """
        # What was sent is not sent again: the list may be full because it was.
        limits, replaced = self.deployment.parameters.task_list, None
        if not self._sender.was_sent(intent):
            replaced = task_to_replace(self.waiting_tasks(), terms, limits)
        function = "post" if replaced is None else "postReplacing"
        arguments = (astuple(terms), astuple(files), *(() if replaced is None else (replaced.task_id,)))
        receipt = self._send("TaskList", function, *arguments, value=payment(terms, limits), intent=intent)
        return int(self._event("TaskList", "TaskPosted", receipt)["taskId"])

    def was_sent(self, intent: str) -> bool:
        """Return whether a transaction of the intent was signed, and was or may yet be mined."""
        return self._sender.was_sent(intent)

    def gas_price(self) -> int:
        """Return the wei that a unit of gas costs in the next block."""
        with node_answers():
            return expected_price(self.w3)

    def gas_spent(self) -> int:
        """Return the wei that this wallet's transactions of this process have cost."""
        return self._sender.gas_spent

    def cancel_task(self, task_id: int, *, intent: str) -> Receipt:
        """Take a waiting task back; reward and bond become credit."""
        return _receipt(self._send("TaskList", "cancel", task_id, intent=intent))

    def delegate_keys(self, task_id: int, delegation: Delegation, *, intent: str) -> Receipt:
        """Name the sharing of this wallet's task, and who may post its functional keys."""
        arguments = (task_id, delegation.delegate, delegation.sharing.cid, delegation.sharing.digest)
        return _receipt(self._send("TaskList", "delegateKeys", *arguments, intent=intent))

    def announce_partial_keys(self, task_id: int, keys: FileRef, *, intent: str) -> Receipt:
        """Say where this wallet's partial keys for a task are."""
        arguments = (task_id, keys.cid, keys.digest)
        return _receipt(self._send("TaskList", "announcePartialKeys", *arguments, intent=intent))

    def open_round(self, lane: int, *, intent: str) -> Receipt:
        """Open a lane's next round on the most valuable task, an idle one when no task waits."""
        return _receipt(self._send("PoLeChain", "openRound", lane, intent=intent))

    def arm(self, round_id: int, *, intent: str) -> Receipt:
        """Name the Ethereum block that draws what the round waits for."""
        return _receipt(self._send("PoLeChain", "arm", round_id, intent=intent))

    def draw(self, round_id: int, *, intent: str) -> Receipt:
        """Draw what the round waits for by the header of the named block: a seed, or a committee.

        Where that is the newest block, the draw is for the next. Raises UnreachableError while the node does
        not show that block, IntegrityError where the header that it shows does not give the block's hash.
        """
        header, gas = b"", None
        # What was sent is not sent again, and no block is named any more.
        if not self._sender.was_sent(intent):
            with node_answers():
                named = to_round(round_id, self.view("PoLeChain", "round", round_id)).draw_block
                drawing, head = in_one_request(self.node, [block(named), block()])
            header, gas = encode_header(drawing), DRAW_GAS if head["number"] == named else None
        return _receipt(self._send("PoLeChain", "draw", round_id, header, intent=intent, gas=gas))

    def post_functional_keys(self, round_id: int, keys: FileRef, *, intent: str) -> Receipt:
        """Post where the functional keys are."""
        return _receipt(
            self._send("PoLeChain", "postFunctionalKeys", round_id, keys.cid, keys.digest, intent=intent)
        )

    def commit(self, round_id: int, commitment: bytes, claimed_train_correct: int, *, intent: str) -> Receipt:
        """Commit to a model, with what its claim's bond exceeds that of the commitment that it replaces."""
        arguments = (round_id, commitment, claimed_train_correct)
        terms, parameters = self.round(round_id).terms, self.parameters.chain
        held = sum(
            bond_of(each, terms, parameters)
            for each in self.solutions(round_id)
            if each.miner == self._identity.address
        )
        due = max(miner_bond(claimed_train_correct, terms, parameters) - held, 0)
        return _receipt(self._send("PoLeChain", "commit", *arguments, value=due, intent=intent))

    def close_submissions(self, round_id: int, *, intent: str) -> Receipt:
        """Close submissions: the data node before the time limit, anybody after it."""
        return _receipt(self._send("PoLeChain", "closeSubmissions", round_id, intent=intent))

    def end_test_release(self, round_id: int, *, intent: str) -> Receipt:
        """Begin the reveals without a test set, once its window is over."""
        return _receipt(self._send("PoLeChain", "endTestRelease", round_id, intent=intent))

    def release_test_set(self, round_id: int, test: FileRef, *, intent: str) -> Receipt:
        """Release the test set."""
        return _receipt(
            self._send("PoLeChain", "releaseTestSet", round_id, test.cid, test.digest, intent=intent)
        )

    def release_test_set_for(self, release: SignedRelease, *, intent: str) -> Receipt:
        """Release the test set with its data node's signature."""
        test = release.test
        arguments = (release.round_id, test.cid, test.digest, release.timestamp, release.signature)
        return _receipt(self._send("PoLeChain", "releaseTestSetFor", *arguments, intent=intent))

    def reveal(
        self, round_id: int, model: FileRef, claimed_test_correct: int, salt: bytes, *, intent: str
    ) -> Receipt:
        """Reveal this wallet's model."""
        arguments = (round_id, model.cid, model.digest, claimed_test_correct, salt)
        return _receipt(self._send("PoLeChain", "reveal", *arguments, intent=intent))

    def commit_vote(self, ballot_id: int, commitment: bytes, *, intent: str) -> Receipt:
        """Commit this wallet's votes."""
        arguments = (ballot_id, self._own_member(ballot_id, intent), commitment)
        return _receipt(self._send("VerifierCommittee", "commitVote", *arguments, intent=intent))

    def end_votes(self, ballot_id: int, *, intent: str) -> Receipt:
        """End the commitments, or the reveals, of a ballot whose window is over."""
        return _receipt(self._send("VerifierCommittee", "endVotes", ballot_id, intent=intent))

    def reveal_vote(self, ballot_id: int, votes: tuple[Vote, ...], salt: bytes, *, intent: str) -> Receipt:
        """Reveal this wallet's votes."""
        cast = [vote_tuple(vote) for vote in votes]
        arguments = (ballot_id, self._own_member(ballot_id, intent), cast, salt)
        return _receipt(self._send("VerifierCommittee", "revealVote", *arguments, intent=intent))

    def leak(self, ballot_id: int, leaked: LeakedVote, *, intent: str) -> Receipt:
        """Show a member's votes and salt, which voids them and earns half of its penalty."""
        member = self.member(ballot_id, leaked.verifier)
        arguments = (ballot_id, member, [vote_tuple(vote) for vote in leaked.votes], leaked.salt)
        return _receipt(self._send("VerifierCommittee", "leak", *arguments, intent=intent))

    def challenge(self, round_id: int, *, bond: int, intent: str) -> Receipt:
        """Buy a larger committee, for what pole.protocol.ballots.challenge_bond says."""
        return _receipt(self._send("PoLeChain", "challenge", round_id, value=bond, intent=intent))

    def finalise(self, round_id: int, *, intent: str) -> Receipt:
        """End the round."""
        return _receipt(self._send("PoLeChain", "finalise", round_id, intent=intent))

    def finalise_next(self, round_id: int, *, intent: str) -> Receipt:
        """End a round of one committee in the next block, from which on nobody can challenge it.

        Where it stands otherwise by now, the contracts are asked as ever.
        """
        gas = None
        if undoubted := [each for each in self.moments() if _is_undoubted_next(each, round_id)]:
            ballot = self.ballot(undoubted[0].ballot_id).ballot
            gas = ending_gas(ballot.seats, ballot.choices)
        return _receipt(self._send("PoLeChain", "finalise", round_id, intent=intent, gas=gas))

    def withdraw(self, *, intent: str) -> int:
        """Pay this wallet's whole credit out to it; return the amount in wei, 0 when there was none."""
        address = self._identity.address
        if not self.credit_of(address) and not self._sender.was_sent(intent):
            return 0
        receipt = self._send("RewardReservoir", "withdraw", address, intent=intent)
        return int(self._event("RewardReservoir", "Withdrawn", receipt)["amount"])

    def stake(self, *, intent: str) -> Receipt:
        """Take a seat, with the stake that a seat still lacks."""
        held = self.stake_of(self._identity.address).amount
        due = max(self.deployment.parameters.committee.seat_stake - held, 0)
        return _receipt(self._send("VerifierCommittee", "stake", value=due, intent=intent))

    def unstake(self, *, intent: str) -> Receipt:
        """Give the seat up."""
        return _receipt(self._send("VerifierCommittee", "unstake", intent=intent))

    def reclaim(self, *, intent: str) -> Receipt:
        """Have the stake credited once no round can draw its seat any more."""
        return _receipt(self._send("VerifierCommittee", "reclaim", intent=intent))

    def _own_member(self, ballot_id: int, intent: str) -> int:
        """Return this wallet's index among a ballot's members; of what was sent it is not asked for again."""
        if self._sender.was_sent(intent):
            return 0
        return self.member(ballot_id, self._identity.address)

    def _send(
        self,
        contract: str,
        function: str,
        *arguments: Any,
        intent: str,
        value: int = 0,
        gas: int | None = None,
    ) -> TxReceipt:
        target = self.contracts[contract]
        call = Call(target.address, f"0x{target.calldata(function, *arguments).hex()}", value, gas)
        try:
            return self._sender.send(call, intent=intent)
        finally:
            self.forget()

    def _event(self, contract: str, event: str, receipt: TxReceipt) -> Any:
        target = self.contracts[contract]
        kind = target.event(event)
        for log in receipt["logs"]:
            if log["address"] == target.address and log["topics"] and log["topics"][0] == kind.topic:
                return kind.arguments(log)
        raise InputError(
            f"{contract} of the deployment file emits no {event}: its ABI is of another version."
        )


def ending_gas(seats: int, choices: int) -> int:
    """Return more gas than ending a round of one committee takes, whatever its members voted."""
    return 1_000_000 + seats * (100_000 + 7_000 * choices)


def _is_undoubted_next(moment: Moment, round_id: int) -> bool:
    """Return whether a round's first tally can be challenged now, and in the next block no more."""
    is_its_first = moment.round_id == round_id and moment.attempt == 0
    return is_its_first and moment.phase is Phase.CHALLENGE and moment.is_over_next


def _receipt(receipt: TxReceipt) -> Receipt:
    return Receipt("0x" + bytes(receipt["transactionHash"]).hex(), receipt["blockNumber"], receipt["gasUsed"])
