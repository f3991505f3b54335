// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Header, IPoLeChain, Ommer, RecordKind} from "../interfaces/IPoLeChain.sol";
import {MerkleBody} from "./MerkleBody.sol";

/// @title Blocks: the chain of PoLe blocks, the body of the next one, and the ommers that it may reference.
library Blocks {
    /// @dev What nearly every call reads and writes, in one storage slot.
    /// @param roundId newest round
    /// @param height newest block
    /// @param records leaves of the current body
    /// @param commitments made in the newest round so far, replacements included
    struct Tip {
        uint64 roundId;
        uint64 height;
        uint64 records;
        uint24 commitments;
    }

    struct Ledger {
        Tip tip;
        MerkleBody.Frontier frontier;
        mapping(uint256 height => bytes32) hashes;
        mapping(uint256 height => Ommer) ommers;
    }

    /// @notice Starts the chain with a header that is zero but for the timestamp.
    function begin(Ledger storage ledger) internal {
        Header memory genesis;
        genesis.timestamp = uint64(block.timestamp);
        _seal(ledger, genesis, new Ommer[](0));
    }

    /// @notice Enters a record into the body of the next block.
    function record(Ledger storage ledger, RecordKind kind, bytes memory data) internal {
        uint64 index = ledger.tip.records;
        ledger.tip.records = index + 1;
        MerkleBody.append(ledger.frontier, index, MerkleBody.leafOf(uint8(kind), data));
        emit IPoLeChain.Recorded(ledger.tip.height + 1, index, kind, data);
    }

    /// @notice Appends a block over the current body. The caller fills in all but height, parent hash, ommers hash, body root and timestamp.
    /// @return height of the block
    function append(
        Ledger storage ledger,
        Header memory header,
        Ommer[] memory referenced
    ) internal returns (uint64 height) {
        header.parentHash = ledger.hashes[ledger.tip.height];
        header.bodyRoot = bodyRoot(ledger);
        header.ommersHash = keccak256(abi.encode(referenced));
        header.timestamp = uint64(block.timestamp);
        height = ++ledger.tip.height;
        ledger.tip.records = 0;
        header.height = height;
        _seal(ledger, header, referenced);
    }

    /// @notice Marks the ommer as referenced, for ever.
    /// @return referenced the ommer alone, as the next block names it
    function referTo(Ledger storage ledger, Ommer memory ommer) internal returns (Ommer[] memory referenced) {
        ledger.ommers[ommer.height].referenced = true;
        ommer.referenced = true;
        referenced = new Ommer[](1);
        referenced[0] = ommer;
    }

    /// @return root Merkle root of the current body
    function bodyRoot(Ledger storage ledger) internal view returns (bytes32 root) {
        return MerkleBody.root(ledger.frontier, ledger.tip.records);
    }

    function _seal(Ledger storage ledger, Header memory header, Ommer[] memory referenced) private {
        bytes32 hash = keccak256(abi.encode(header));
        ledger.hashes[header.height] = hash;
        emit IPoLeChain.BlockAppended(header.height, hash, header, referenced);
    }
}
