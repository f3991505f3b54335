"""The part of brownie that the scripts and the contract tests use.

brownie's own annotations do not know the contracts, which it makes attributes when a project is loaded, and
refuse what works: `chain[-1].timestamp`, or ether sent to the address of a contract.
"""

from typing import Any

import web3 as _web3
from brownie import network as network
from brownie.network.account import Accounts
from brownie.network.contract import Contract as Contract
from brownie.network.contract import ContractContainer
from brownie.network.state import Chain, TxHistory

class _Web3(_web3.Web3):
    # An HTTPProvider; its make_request takes the methods of development chains, and brownie wraps it.
    provider: Any

accounts: Accounts
chain: Chain
history: TxHistory
web3: _Web3

# The project's contracts.
ContractWallet: ContractContainer
Intruder: ContractContainer
Judge: ContractContainer
LibraryHarness: ContractContainer
PoLeChain: ContractContainer
ReentrantRecipient: ContractContainer
RefusingRecipient: ContractContainer
Entropy: ContractContainer
Ledger: ContractContainer
ReleaseSignature: ContractContainer
RewardReservoir: ContractContainer
TaskCrowd: ContractContainer
TaskList: ContractContainer
VerifierCommittee: ContractContainer
