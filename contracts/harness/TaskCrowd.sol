// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ITaskList, TaskFiles, TaskTerms} from "../interfaces/ITaskList.sol";

/// @title TaskCrowd: posts many tasks in one transaction.
/// @dev For measurements; part of no deployment.
contract TaskCrowd {
    ITaskList public immutable tasks;

    constructor(ITaskList tasks_) {
        tasks = tasks_;
    }

    function post(TaskTerms[] calldata terms, TaskFiles calldata files) external payable {
        for (uint256 n = 0; n < terms.length; ++n) {
            (uint256 rent, ) = tasks.rentOf(terms[n]);
            uint256 price = uint256(terms[n].reward) + terms[n].dataBond + terms[n].fee + rent;
            tasks.post{value: price}(terms[n], files);
        }
    }
}
