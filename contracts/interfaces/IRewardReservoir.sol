// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title RewardReservoir: all ether of PoLe, in named accounts, paid out only when it is fetched.
/// @notice Task rewards, bonds, stakes and the system pool are accounts; what a person has earned is a credit.
/// @dev The reservoir grants no privilege. Every address is the holder of its own accounts, and only the holder moves
/// ether out of one. PoLe's contracts are such holders; the reservoir knows neither them nor what a round is. All
/// amounts are in wei. Ether that reaches the contract other than through `deposit` (a self-destruct, say) belongs to
/// nobody and cannot disturb the books.
interface IRewardReservoir {
    /// @notice `amount` wei came from outside into `account` of `holder`.
    event Deposited(address indexed holder, bytes32 indexed account, address indexed from, uint256 amount);

    /// @notice `amount` wei moved between two accounts.
    event Transferred(
        address indexed fromHolder,
        bytes32 indexed fromAccount,
        address indexed toHolder,
        bytes32 toAccount,
        uint256 amount
    );

    /// @notice `amount` wei of `account` of `holder` now belong to `payee`, who may withdraw them for ever.
    event Credited(address indexed payee, address indexed holder, bytes32 indexed account, uint256 amount);

    /// @notice `payee` took `amount` wei out, sent to `recipient`.
    event Withdrawn(address indexed payee, address indexed recipient, uint256 amount);

    /// @notice The account holds less than was asked of it.
    error InsufficientBalance(address holder, bytes32 account, uint256 balance, uint256 amount);

    /// @notice There is nothing to withdraw for this address.
    error NothingToWithdraw(address payee);

    /// @notice The recipient of a withdrawal refused the ether; the credit stays.
    error WithdrawalRefused(address recipient, uint256 amount);

    /// @notice Adds the ether sent to `account` of `holder`. Anyone may; endowing the pool is a deposit.
    function deposit(address holder, bytes32 account) external payable;

    /// @notice Moves `amount` wei from the caller's account `from` to `toAccount` of `toHolder`.
    function transfer(bytes32 from, address toHolder, bytes32 toAccount, uint256 amount) external;

    /// @notice Credits `amount` wei of the caller's account `from` to `payee`.
    /// @dev Calls nobody: a payee that reverts, or has no code to receive ether, cannot stop a round.
    function credit(bytes32 from, address payee, uint256 amount) external;

    /// @notice Pays the caller's whole credit out to `recipient`.
    /// @return amount what was paid, in wei
    function withdraw(address payable recipient) external returns (uint256 amount);

    /// @return balance of `account` of `holder`, in wei
    function balanceOf(address holder, bytes32 account) external view returns (uint256 balance);

    /// @return credit that `payee` may withdraw, in wei
    function creditOf(address payee) external view returns (uint256 credit);

    /// @return total of all accounts and credits, in wei; never more than the contract's ether
    function total() external view returns (uint256 total);
}
