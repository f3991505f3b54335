// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IEntropy} from "./interfaces/IEntropy.sol";

/// @title Entropy: the randomness of an Ethereum block, proven by the block's header; IEntropy says what it does.
contract Entropy is IEntropy {
    /// @dev The history contract of EIP-2935. Where there is none the call returns nothing.
    address private constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;

    /// @dev Fields of a header before the mix, from the parent's hash to the extra data.
    uint256 private constant FIELDS_BEFORE = 13;

    /// @dev The first prefixes of RLP's strings and lists. Up to 55 bytes the prefix tells the size, above it the size
    /// of the size.
    uint256 private constant STRING = 0x80;
    uint256 private constant LIST = 0xc0;
    uint256 private constant SHORT = 55;
    uint256 private constant PREFIXES = 64;

    /// @dev The end of what is no RLP.
    uint256 private constant NOWHERE = type(uint256).max;

    /// @inheritdoc IEntropy
    function mixOf(uint256 number, bytes calldata header) external view override returns (bytes32 mix) {
        bytes32 hash = hashOf(number);
        if (hash == 0) revert HashLost(number);
        if (keccak256(header) != hash) revert WrongHeader(number);
        (uint256 from, uint256 to) = _fieldAfter(header, FIELDS_BEFORE);
        if (to > header.length || to - from != 32) revert WrongHeader(number);
        return bytes32(header[from:to]);
    }

    /// @inheritdoc IEntropy
    function hashOf(uint256 number) public view override returns (bytes32 hash) {
        (bool answered, bytes memory answer) = HISTORY.staticcall(abi.encode(number));
        if (answered && answer.length == 32) hash = bytes32(answer);
        // Also for the blocks right before the fork that brought the history contract, which it does not know.
        if (hash == 0) hash = blockhash(number);
    }

    /// @dev Where the payload of the field after `skipped` others begins and ends: beyond the bytes when there is none.
    function _fieldAfter(bytes calldata header, uint256 skipped) private pure returns (uint256 from, uint256 to) {
        (from, to) = _payload(header, 0, LIST);
        if (to != header.length) return (0, NOWHERE);
        to = from;
        for (uint256 n = 0; n <= skipped; ++n) {
            (from, to) = _payload(header, to, STRING);
        }
    }

    /// @dev Where the payload of the string or list at `at` begins and ends: beyond the bytes when there is none.
    function _payload(bytes calldata rlp, uint256 at, uint256 kind) private pure returns (uint256 from, uint256 to) {
        if (at >= rlp.length) return (0, NOWHERE);
        uint256 prefix = uint8(rlp[at]);
        // A byte below the prefixes is a string of itself.
        if (prefix < STRING && kind == STRING) return (at, at + 1);
        if (prefix < kind || prefix >= kind + PREFIXES) return (0, NOWHERE);
        uint256 size = prefix - kind;
        from = at + 1;
        if (size > SHORT) {
            uint256 start = from;
            from += size - SHORT;
            if (from > rlp.length) return (0, NOWHERE);
            size = uint256(bytes32(rlp[start:from])) >> (256 - 8 * (from - start));
        }
        return (from, from + size);
    }
}
