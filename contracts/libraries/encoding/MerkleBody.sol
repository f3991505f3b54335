// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Domains} from "./Domains.sol";

/// @title MerkleBody: the Merkle tree over a block's records, kept by its frontier alone.
/// @dev Append-only tree of depth 32 whose empty subtrees hash to Z(0) = 0, Z(i+1) = keccak256(abi.encode(Z(i), Z(i))),
/// as in Ethereum's deposit contract. The caller keeps the number of leaves. Starting again from 0 leaves entries of
/// the old tree behind; they are written before they are read again, so they never enter a new root. 2^32 records would
/// fill the tree; at ten thousand gas each no block gets there.
library MerkleBody {
    uint256 private constant DEPTH = 32;

    /// @param nodes at each level, the last complete subtree that waits for its sibling
    struct Frontier {
        bytes32[32] nodes;
    }

    /// @notice Adds `leaf` to a tree of `count` leaves.
    function append(Frontier storage frontier, uint256 count, bytes32 leaf) internal {
        bytes32 subtree = leaf;
        uint256 level = 0;
        for (uint256 rest = count; rest & 1 == 1; rest >>= 1) {
            subtree = keccak256(abi.encode(frontier.nodes[level], subtree));
            ++level;
        }
        frontier.nodes[level] = subtree;
    }

    /// @return hash root over a tree of `count` leaves, bound to their number
    function root(Frontier storage frontier, uint256 count) internal view returns (bytes32 hash) {
        bytes32 tree = 0;
        bytes32 empty = 0;
        for (uint256 level = 0; level < DEPTH; ++level) {
            tree =
                (count >> level) & 1 == 1
                    ? keccak256(abi.encode(frontier.nodes[level], tree))
                    : keccak256(abi.encode(tree, empty));
            empty = keccak256(abi.encode(empty, empty));
        }
        return keccak256(abi.encode(tree, count));
    }

    /// @return leaf of a record; `kind` is a RecordKind
    function leafOf(uint8 kind, bytes memory data) internal pure returns (bytes32 leaf) {
        return keccak256(abi.encode(Domains.RECORD, kind, keccak256(data)));
    }
}
