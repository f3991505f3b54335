// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {IPoLeChain} from "./interfaces/IPoLeChain.sol";
import {IReleaseSignature} from "./interfaces/IReleaseSignature.sol";

/// @title ReleaseSignature: signed releases of test sets; IReleaseSignature says what it does.
/// @dev A contract of its own so that PoLeChain stays under the size limit of EIP-170. OpenZeppelin's EIP712 would name
/// this contract in the domain; who signs should read the address that the money is bound to, so the domain names the
/// caller.
contract ReleaseSignature is IReleaseSignature {
    // The types are hashed by the compiler, whatever their length.
    // solhint-disable gas-small-strings
    bytes32 private constant DOMAIN_TYPE = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    );
    bytes32 private constant RELEASE_TYPE = keccak256(
        "TestSetRelease(uint256 roundId,string testCid,bytes32 testDigest,uint64 timestamp)"
    );
    // solhint-enable gas-small-strings

    uint256 private constant TOLERANCE = 5 minutes;

    /// @inheritdoc IReleaseSignature
    function check(
        address dataNode,
        uint256 roundId,
        string calldata testCid,
        bytes32 testDigest,
        uint64 timestamp,
        bytes calldata signature
    ) external view override {
        uint256 distance = timestamp > block.timestamp ? timestamp - block.timestamp : block.timestamp - timestamp;
        if (distance > TOLERANCE) revert IPoLeChain.TimestampOutOfTolerance(timestamp, block.timestamp, TOLERANCE);
        bytes32 release = keccak256(
            abi.encode(RELEASE_TYPE, roundId, keccak256(bytes(testCid)), testDigest, timestamp)
        );
        bytes32 signed = MessageHashUtils.toTypedDataHash(_domain(), release);
        if (!SignatureChecker.isValidSignatureNow(dataNode, signed, signature)) {
            revert IPoLeChain.NotSignedByDataNode(roundId, dataNode);
        }
    }

    /// @inheritdoc IReleaseSignature
    function tolerance() external pure override returns (uint256 duration) {
        return TOLERANCE;
    }

    function _domain() private view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPE, keccak256("PoLe"), keccak256("1"), block.chainid, msg.sender));
    }
}
