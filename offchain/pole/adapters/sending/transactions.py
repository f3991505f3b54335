"""Sending transactions once: an intent is mined at most once, whatever is killed in between.

1. the call is simulated, and what the contract would refuse is refused here, for free;
2. it is signed, and its bytes are in the journal before anything is sent;
3. it is broadcast, and waited for;
4. asked for again, the receipt is returned or the same bytes are broadcast again: their nonce lets them be
   mined once.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

from eth_account.signers.base import BaseAccount
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import TransactionNotFound
from web3.types import TxParams, TxReceipt, Wei

from pole.adapters.ethereum.contract_errors import ErrorTable
from pole.adapters.node.refusals import NodeRefusalError
from pole.adapters.sending.account import AccountReader, AccountState
from pole.adapters.sending.fees import FeePolicy, Fees, current_fees, market_fees, raised_fees
from pole.adapters.sending.gas import GasSearch
from pole.adapters.storage.file_lock import file_lock
from pole.adapters.storage.journal import SendState, SignedSend, SqliteJournal
from pole.errors import (
    FundsError,
    IntegrityError,
    PoleError,
    RefusedError,
    UnreachableError,
)
from pole.protocol.amounts import ether
from pole.roles.support.events import trace
from pole.roles.support.recent import Recent

LOG: Final = logging.getLogger("pole.sending")

_SLOWER = 1.25


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a contract: its address, the encoded function and arguments, and the wei sent along.

    `gas` is the limit of a call that is for the next block, and would be refused now: it is not simulated.
    """

    to: str
    data: str
    value: int = 0
    gas: int | None = None


class Sender:
    """Sends the transactions of one wallet, signed for one chain whatever the node says."""

    def __init__(
        self,
        w3: Web3,
        account: BaseAccount,
        journal: SqliteJournal,
        errors: ErrorTable,
        *,
        chain_id: int,
        lock: Path,
        policy: FeePolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._w3 = w3
        self._account = account
        self._journal = journal
        self._errors = errors
        self._chain_id = chain_id
        self._lock = lock
        self._policy = policy or FeePolicy()
        self._clock = clock
        self._wait = wait
        self._states = AccountReader(w3, account.address, journal, self._policy, clock, wait)
        self._gas_spent = 0
        self._settled = Recent[str]()
        self._gas = GasSearch(w3)

    @property
    def gas_spent(self) -> int:
        """Return the wei that transactions cost whose receipts were seen here, reverted ones too."""
        return self._gas_spent

    def send(self, call: Call, *, intent: str) -> TxReceipt:
        """Send the call unless its intent was sent before; return the receipt once it is mined.

        Raises RefusedError when a contract refuses it, FundsError when the wallet cannot pay,
        UnreachableError when the node does not serve it or does not mine it in time; then the same intent
        takes it up again.
        """
        try:
            before = self._offered(call, intent)
            if before is not None:
                # Whatever becomes of it: then its nonce is used, and this one's fate is known.
                with suppress(RefusedError):
                    self._await(before)
                before = self._offered(call, intent)
            if before is not None:
                raise UnreachableError(
                    f"The transaction of {before} waits in place of {intent}: run this again."
                )
            return self._await(intent)
        except NodeRefusalError as error:
            raise self._errors.translate(error) from error

    def _offered(self, call: Call, intent: str) -> str | None:
        """Offer the call; return the intent that waits under the nonce which this one had, if one does."""
        with file_lock(self._lock):
            self._recover(intent)
            if self._live(intent):
                self._resume(intent)
                return None
            self._offer_pending()
            return self._offer_new(call, intent)

    def was_sent(self, intent: str) -> bool:
        """Return whether the intent was signed and was or may yet be mined."""
        self._recover(intent)
        return bool(self._live(intent))

    def _live(self, intent: str) -> list[SignedSend]:
        """Return what was signed for the intent and was or may yet be mined.

        All are under one nonce; the newest is last.
        """
        sends = self._journal.sends_of(intent)
        return [send for send in sends if send.state in {SendState.PENDING, SendState.DONE}]

    def _recover(self, intent: str) -> None:
        """Take what was mined although a node had refused it: nodes say no, too, when they are busy."""
        for send in self._journal.sends_of(intent):
            receipt = self._receipt(send) if send.state is SendState.LOST else None
            if receipt is not None:
                succeeded = receipt["status"] == 1
                self._journal.mark_send(send.hash, SendState.DONE if succeeded else SendState.REVERTED)

    def _recover_mined(self, intent: str, mined: int) -> None:
        """Recover what may be why a nonce is used by now: that of a refused one, which no other of ours had.

        Its receipt may be unknown to a node that lags behind the one that counted, so it is waited for.
        """
        self._recover(intent)
        until = self._clock() + self._policy.believe_after
        while self._clock() < until and any(
            send.state is SendState.LOST and send.nonce < mined and not self._journal.is_mined(send.nonce)
            for send in self._journal.sends_of(intent)
        ):
            self._wait(self._policy.poll)
            self._recover(intent)

    def _resume(self, intent: str) -> None:
        attempts = self._live(intent)
        if self._is_missing(attempts):
            self._broadcast(attempts[-1])

    def _offer_pending(self) -> None:
        """Offer again what was signed and may never have left this machine.

        A gap in the nonces would block all that follows.
        """
        for send in self._journal.pending_sends():
            if self._is_missing([send]):
                # A refusal is in the journal then, and its own intent will meet it.
                self._offer(send)

    def _offer_new(self, call: Call, intent: str) -> str | None:
        """Sign and broadcast the call, unless what a node refused of its intent was mined meanwhile.

        Only under its old nonce can that not be mined as well, should a node have kept it all the same: while
        another intent has that nonce, return this one.
        """
        # Before the node is asked: what another process sees mined meanwhile is in one of the two answers.
        taken = {send.nonce: send.intent for send in self._journal.pending_sends()}
        state = self._states.read(self._chain_id)
        # After it: what is mined by then has left its receipt.
        self._recover_mined(intent, state.mined)
        if self._live(intent):
            return None
        lost = [send.nonce for send in self._journal.sends_of(intent) if send.state is SendState.LOST]
        old = next((nonce for nonce in lost if nonce >= state.mined), None)
        if old is not None and old in taken:
            return taken[old]
        nonce = next(each for each in count(state.pending) if each not in taken) if old is None else old
        self._broadcast(self._sign_first(call, intent, state, nonce))
        return None

    def _sign_first(self, call: Call, intent: str, state: AccountState, nonce: int) -> SignedSend:
        transaction: TxParams = {
            "from": self._account.address,
            "to": Web3.to_checksum_address(call.to),
            "data": HexBytes(call.data),
            "value": Wei(call.value),
        }
        if state.balance < call.value:
            raise self._insufficient_funds(state.balance, call.value)
        gas = call.gas or self._gas.limit(transaction)
        self._require_chain(state.chain_id)
        fees = current_fees(self._w3, self._policy)
        needed = call.value + gas * fees.max_fee
        if state.balance < needed and call.gas is not None:
            raise RefusedError("The wallet cannot pay the gas that this may take; in a block it is known.")
        if state.balance < needed:
            raise self._insufficient_funds(state.balance, needed)
        ready = {**transaction, "gas": gas, "chainId": self._chain_id, "type": 2, "nonce": nonce}
        return self._sign(ready, fees, intent)

    def _require_chain(self, claimed: int) -> None:
        if claimed != self._chain_id:
            raise UnreachableError(
                f"The Ethereum node says that it is on chain {claimed} now, and the deployment is on "
                f"{self._chain_id}: nothing was signed; name another with --rpc if it goes on."
            )

    def _sign(self, transaction: dict[str, Any], fees: Fees, intent: str) -> SignedSend:
        unsigned = {**transaction, "maxFeePerGas": fees.max_fee, "maxPriorityFeePerGas": fees.tip}
        signed = self._account.sign_transaction(unsigned)
        send = SignedSend(
            intent,
            transaction["nonce"],
            "0x" + bytes(signed.hash).hex(),
            bytes(signed.raw_transaction),
            fees.max_fee,
            fees.tip,
            SendState.PENDING,
        )
        self._journal.add_send(send)
        return send

    def _broadcast(self, send: SignedSend) -> None:
        refusal = self._offer(send)
        if refusal is not None:
            raise refusal

    def _offer(self, send: SignedSend) -> PoleError | None:
        """Give the transaction to the node.

        Return why it refuses it, None when it took it or knows it already.
        """
        trace(LOG, "sent", f"The transaction {send.hash} is given to the node.")
        try:
            self._w3.eth.send_raw_transaction(send.raw)
        except NodeRefusalError as error:
            # Nodes word "I have that" in many ways, so the state tells, not the message. What was seen mined
            # is not lost because a node that lags behind does not know of it.
            is_there = (
                send.state is SendState.DONE
                or self._mined_nonces() > send.nonce
                or any(map(self._is_known, self._live(send.intent)))
            )
            if is_there:
                return None
            self._journal.mark_send(send.hash, SendState.LOST)
            return self._errors.translate(error)
        return None

    def _is_missing(self, sends: list[SignedSend]) -> bool:
        """Return whether the node has none of them, neither waiting nor mined.

        It is asked twice, a poll apart: ganache shows no transaction of the block that it is mining, and
        executes one that it is given again in that moment a second time.
        """
        if any(map(self._is_known, sends)):
            return False
        self._wait(self._policy.poll)
        return not any(map(self._is_known, sends))

    def _is_known(self, send: SignedSend) -> bool:
        try:
            self._w3.eth.get_transaction(HexBytes(send.hash))
        except TransactionNotFound:
            return False
        return True

    def _mined_nonces(self) -> int:
        return self._w3.eth.get_transaction_count(self._account.address, "latest")

    def _receipt(self, send: SignedSend) -> TxReceipt | None:
        try:
            return self._w3.eth.get_transaction_receipt(HexBytes(send.hash))
        except TransactionNotFound:
            return None

    def _await(self, intent: str) -> TxReceipt:
        started = last_sent = found_in_place = self._clock()
        pause = self._policy.poll
        while True:
            # Read before the receipts: a nonce that was used by then has left its receipt by now.
            mined = self._mined_nonces()
            self._recover(intent)
            attempts = self._live(intent)
            for send in attempts:
                receipt = self._receipt(send) if mined > send.nonce else None
                if receipt is not None:
                    return self._settle(send, attempts, receipt)
            if not attempts:
                raise self._gone(intent)
            newest = attempts[-1]
            now = self._clock()
            if mined <= newest.nonce:
                found_in_place = now
            elif now - found_in_place >= self._policy.believe_after:
                raise self._nonce_too_low(attempts)
            if now - started >= self._policy.give_up_after:
                raise UnreachableError(
                    f"The transaction {newest.hash} was sent but not mined in {now - started:.0f} s: run "
                    "this again later, it takes up the same transaction."
                )
            if mined <= newest.nonce and now - last_sent >= self._policy.replace_after:
                self._replace_in_line(newest, mined)
                last_sent = now
            pause = pause if mined <= newest.nonce else self._policy.poll
            self._wait(pause)
            pause = min(pause * _SLOWER, max(self._policy.longest_poll, self._policy.poll))

    def _settle(self, send: SignedSend, attempts: list[SignedSend], receipt: TxReceipt) -> TxReceipt:
        succeeded = receipt["status"] == 1
        if send.hash not in self._settled:
            self._note_cost(receipt)
            self._settled.add(send.hash)
        outcome = SendState.DONE if succeeded else SendState.REVERTED
        for attempt in attempts:
            state = outcome if attempt == send else SendState.LOST
            if attempt.state is not state:
                self._journal.mark_send(attempt.hash, state)
        if not succeeded:
            raise self._why_reverted(send, receipt)
        return receipt

    def _note_cost(self, receipt: TxReceipt) -> None:
        gas, cost = receipt["gasUsed"], receipt["gasUsed"] * receipt["effectiveGasPrice"]
        self._gas_spent += cost
        sentence = f"A transaction took {gas} gas, for {ether(cost)}."
        outcome = "done" if receipt["status"] == 1 else "reverted"
        trace(LOG, "mined", sentence, outcome=outcome, gas=gas, wei=cost)

    def _why_reverted(self, send: SignedSend, receipt: TxReceipt) -> PoleError:
        signed = TypedTransaction.from_bytes(HexBytes(send.raw)).as_dict()
        again: TxParams = {
            "from": self._account.address,
            "to": signed["to"],
            "data": signed["data"],
            "value": signed["value"],
        }
        try:
            self._w3.eth.call(again, block_identifier=receipt["blockNumber"])
        except NodeRefusalError as error:
            return self._errors.translate(error)
        return RefusedError(
            f"The transaction {send.hash} was mined but reverted: the state changed before it was mined; try "
            "again."
        )

    def _gone(self, intent: str) -> PoleError:
        """Return why nothing that was signed for an intent may be mined, after another process looked."""
        if any(send.state is SendState.REVERTED for send in self._journal.sends_of(intent)):
            return RefusedError(f"Another process of this wallet sent {intent} and it reverted; try again.")
        return UnreachableError(
            f"The Ethereum node takes the transaction of {intent} no more: run this again."
        )

    def _nonce_too_low(self, attempts: list[SignedSend]) -> PoleError:
        nonce = attempts[-1].nonce
        for attempt in attempts:
            self._journal.mark_send(attempt.hash, SendState.LOST)
        if self._journal.is_mined(nonce):
            return UnreachableError(
                f"The Ethereum node gave nonce {nonce} to two transactions of this wallet, as nodes do that "
                "lag behind each other, and took the other one: run this again."
            )
        return RefusedError(
            f"The wallet {self._account.address} sent another transaction with nonce {nonce}, from outside "
            "this data folder, in place of ours: use the wallet in one place only, then run this again."
        )

    def _replace_in_line(self, newest: SignedSend, mined: int) -> None:
        """Raise the fee of a transaction, and first that of the one that is next in line before it."""
        pending = self._journal.pending_sends()
        before = [send for send in pending if mined <= send.nonce < newest.nonce]
        first = [send for send in before if send.nonce == before[0].nonce]
        for send in (*first[-1:], newest):
            self._replace(send)

    def _replace(self, previous: SignedSend) -> None:
        """Sign the same transaction with a higher fee under the same nonce, and broadcast it.

        Where the signer or the node does not, it stays as it is: pending, and may be mined all the same.
        """
        fees = raised_fees(
            Fees(previous.max_fee, previous.tip), market_fees(self._w3, self._policy.ceiling), self._policy
        )
        if fees is None:
            return
        signed = TypedTransaction.from_bytes(HexBytes(previous.raw)).as_dict()
        unsigned = {field: value for field, value in signed.items() if field not in {"v", "r", "s"}}
        with file_lock(self._lock):
            try:
                refusal = self._offer(self._sign(unsigned, fees, previous.intent))
            except (UnreachableError, IntegrityError) as error:
                refusal = error
        if refusal is not None:
            LOG.warning(
                "The pending transaction %s stays as it is, its fee not raised. %s", previous.hash, refusal
            )

    def _insufficient_funds(self, balance: int, needed: int) -> FundsError:
        return FundsError(
            f"The wallet {self._account.address} holds {ether(balance)}, but this takes up to "
            f"{ether(needed)} with gas: fund it, for instance with `pole wallet fund`."
        )
