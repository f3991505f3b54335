// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Header, ILedger, Ommer, RecordKind} from "./interfaces/ILedger.sol";
import {MerkleBody} from "./libraries/encoding/MerkleBody.sol";

/// @title Ledger: the chain of PoLe blocks; ILedger says what it does.
contract Ledger is ILedger {
    /// @dev What every record reads and writes, in one storage slot.
    /// @param height newest block
    /// @param records leaves of the current body
    struct Tip {
        uint64 height;
        uint64 records;
    }

    /// @inheritdoc ILedger
    address public immutable override chain;

    /// @inheritdoc ILedger
    address public immutable override taskList;

    /// @inheritdoc ILedger
    address public immutable override committee;

    /// @inheritdoc ILedger
    mapping(uint256 height => bytes32 hash) public override blockHash;

    Tip private _tip;
    MerkleBody.Frontier private _frontier;
    Ommer private _ommer;

    /// @param chain_ the address that PoLeChain is going to have, as the next two of TaskList and VerifierCommittee
    constructor(address chain_, address taskList_, address committee_) {
        chain = chain_;
        taskList = taskList_;
        committee = committee_;
        Header memory genesis;
        genesis.timestamp = uint64(block.timestamp);
        _seal(genesis, new Ommer[](0));
    }

    /// @inheritdoc ILedger
    function record(RecordKind kind, bytes calldata data) external override {
        if (msg.sender != chain && msg.sender != taskList && msg.sender != committee) revert NotRecorder(msg.sender);
        uint64 index = _tip.records;
        _tip.records = index + 1;
        MerkleBody.append(_frontier, index, MerkleBody.leafOf(uint8(kind), data));
        emit Recorded(_tip.height + 1, index, kind, data);
    }

    /// @inheritdoc ILedger
    function append(
        Header calldata header,
        Ommer calldata referenced,
        Ommer calldata left
    ) external override returns (uint256 appended) {
        if (msg.sender != chain) revert NotChain(msg.sender);
        Header memory next = header;
        Ommer[] memory named = _take(referenced);
        next.parentHash = blockHash[_tip.height];
        next.bodyRoot = MerkleBody.root(_frontier, _tip.records);
        next.ommersHash = keccak256(abi.encode(named));
        next.timestamp = uint64(block.timestamp);
        appended = _tip.height + 1;
        next.height = appended;
        _tip.height = uint64(appended);
        _tip.records = 0;
        _seal(next, named);
        if (left.count == 0) return appended;
        _ommer = left;
        _ommer.height = appended;
    }

    /// @inheritdoc ILedger
    function height() external view override returns (uint256) {
        return _tip.height;
    }

    /// @inheritdoc ILedger
    function ommer() external view override returns (Ommer memory) {
        return _ommer;
    }

    /// @inheritdoc ILedger
    function body() external view override returns (bytes32 root, uint256 count) {
        return (MerkleBody.root(_frontier, _tip.records), _tip.records);
    }

    /// @dev Takes the ommer out of its place: it is referenced once.
    function _take(Ommer calldata referenced) private returns (Ommer[] memory named) {
        if (referenced.count == 0) return named;
        delete _ommer;
        named = new Ommer[](1);
        named[0] = referenced;
        named[0].referenced = true;
    }

    function _seal(Header memory header, Ommer[] memory referenced) private {
        bytes32 hash = keccak256(abi.encode(header));
        blockHash[header.height] = hash;
        emit BlockAppended(header.height, hash, header, referenced);
    }
}
