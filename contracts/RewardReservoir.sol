// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IRewardReservoir} from "./interfaces/IRewardReservoir.sol";

/// @title RewardReservoir: the ledger of all ether; IRewardReservoir says what it does.
contract RewardReservoir is IRewardReservoir {
    /// @inheritdoc IRewardReservoir
    mapping(address holder => mapping(bytes32 account => uint256 balance)) public override balanceOf;

    /// @inheritdoc IRewardReservoir
    mapping(address payee => uint256 credit) public override creditOf;

    /// @inheritdoc IRewardReservoir
    uint256 public override total;

    /// @inheritdoc IRewardReservoir
    function deposit(address holder, bytes32 account) external payable override {
        balanceOf[holder][account] += msg.value;
        total += msg.value;
        emit Deposited(holder, account, msg.sender, msg.value);
    }

    /// @inheritdoc IRewardReservoir
    function transfer(bytes32 from, address toHolder, bytes32 toAccount, uint256 amount) external override {
        _take(from, amount);
        balanceOf[toHolder][toAccount] += amount;
        emit Transferred(msg.sender, from, toHolder, toAccount, amount);
    }

    /// @inheritdoc IRewardReservoir
    function credit(bytes32 from, address payee, uint256 amount) external override {
        _take(from, amount);
        creditOf[payee] += amount;
        emit Credited(payee, msg.sender, from, amount);
    }

    /// @inheritdoc IRewardReservoir
    function withdraw(address payable recipient) external override returns (uint256 amount) {
        amount = creditOf[msg.sender];
        if (amount == 0) revert NothingToWithdraw(msg.sender);
        creditOf[msg.sender] = 0;
        total -= amount;
        emit Withdrawn(msg.sender, recipient, amount);
        (bool accepted, ) = recipient.call{value: amount}("");
        if (!accepted) revert WithdrawalRefused(recipient, amount);
    }

    function _take(bytes32 from, uint256 amount) private {
        uint256 balance = balanceOf[msg.sender][from];
        if (balance < amount) revert InsufficientBalance(msg.sender, from, balance, amount);
        balanceOf[msg.sender][from] = balance - amount;
    }
}
