// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Intruder: somebody who is a contract, and who makes a call of its choice while it is being paid.
/// @dev For tests; part of no deployment.
contract Intruder {
    address private _target;
    bytes private _data;

    /// @notice How often it was paid.
    uint256 public payments;

    /// @notice True once the planned call went through.
    bool public isLetIn;

    receive() external payable {
        _intrude();
    }

    /// @notice Makes the call that the next payments trigger.
    function plan(address target, bytes calldata data) external {
        (_target, _data) = (target, data);
    }

    /// @notice Makes a call now, with the ether sent.
    function act(address target, bytes calldata data) external payable {
        // solhint-disable-next-line avoid-low-level-calls
        (bool accepted, bytes memory answer) = target.call{value: msg.value}(data);
        // solhint-disable-next-line gas-custom-errors
        require(accepted, string(answer));
    }

    function _intrude() private {
        ++payments;
        // It may fail, and the payment goes on afterwards.
        // solhint-disable-next-line avoid-low-level-calls
        if (_target != address(0)) (isLetIn, ) = _target.call(_data);
    }
}
