// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title ValueHeap: waiting tasks in a binary heap, the most valuable on top.
/// @notice A task's value is reward / duration; among equals the lower id, which is the older task, comes first.
/// @dev Values are compared by cross multiplication: 96 + 32 bits cannot overflow. Every change costs O(log tasks).
library ValueHeap {
    /// @dev One storage slot.
    /// @param duration how long a round of the task may take, in seconds, at least 1
    struct Entry {
        uint96 reward;
        uint32 duration;
        uint64 taskId;
    }

    /// @dev One storage slot, so that a new task's place costs none of its own.
    /// @param owner kept here for the caller, who sets it before the task is pushed
    /// @param place 1 + a waiting task's index in `entries`, 0 for any other task
    struct Listing {
        address owner;
        uint32 place;
    }

    struct Heap {
        Entry[] entries;
        mapping(uint256 taskId => Listing) listings;
    }

    /// @notice Adds a task that is not in the heap.
    function push(Heap storage heap, Entry memory entry) internal {
        heap.entries.push();
        _rise(heap, heap.entries.length - 1, entry);
    }

    /// @notice Puts a task that is not in the heap in the place of one that is, which it must precede.
    function replace(Heap storage heap, uint256 taskId, Entry memory entry) internal {
        uint256 index = heap.listings[taskId].place - 1;
        heap.listings[taskId].place = 0;
        _rise(heap, index, entry);
    }

    /// @notice Removes a task that is in the heap.
    function remove(Heap storage heap, uint256 taskId) internal {
        uint256 index = heap.listings[taskId].place - 1;
        Entry memory last = heap.entries[heap.entries.length - 1];
        heap.entries.pop();
        heap.listings[taskId].place = 0;
        if (index == heap.entries.length) return;
        if (index > 0 && precedes(last, heap.entries[(index - 1) / 2])) _rise(heap, index, last);
        else _sink(heap, index, last);
    }

    /// @return taskId of the most valuable task, 0 in an empty heap
    function best(Heap storage heap) internal view returns (uint256 taskId) {
        return heap.entries.length == 0 ? 0 : heap.entries[0].taskId;
    }

    /// @return entry of a task that is in the heap
    function entryOf(Heap storage heap, uint256 taskId) internal view returns (Entry memory entry) {
        return heap.entries[heap.listings[taskId].place - 1];
    }

    /// @return held true while the task is in the heap
    function contains(Heap storage heap, uint256 taskId) internal view returns (bool held) {
        return heap.listings[taskId].place != 0;
    }

    /// @return first true when `a` is more valuable than `b`, or as valuable and older
    function precedes(Entry memory a, Entry memory b) internal pure returns (bool first) {
        uint256 valueOfA = uint256(a.reward) * b.duration;
        uint256 valueOfB = uint256(b.reward) * a.duration;
        return valueOfA > valueOfB || (valueOfA == valueOfB && a.taskId < b.taskId);
    }

    /// @dev Puts `entry` at the free `index` or as far above it as it belongs.
    function _rise(Heap storage heap, uint256 index, Entry memory entry) private {
        while (index > 0) {
            uint256 above = (index - 1) / 2;
            Entry memory parent = heap.entries[above];
            if (!precedes(entry, parent)) break;
            _put(heap, index, parent);
            index = above;
        }
        _put(heap, index, entry);
    }

    /// @dev Puts `entry` at the free `index` or as far below it as it belongs.
    function _sink(Heap storage heap, uint256 index, Entry memory entry) private {
        uint256 length = heap.entries.length;
        while (2 * index + 1 < length) {
            uint256 below = 2 * index + 1;
            Entry memory child = heap.entries[below];
            if (below + 1 < length) {
                Entry memory sibling = heap.entries[below + 1];
                if (precedes(sibling, child)) (below, child) = (below + 1, sibling);
            }
            if (!precedes(child, entry)) break;
            _put(heap, index, child);
            index = below;
        }
        _put(heap, index, entry);
    }

    function _put(Heap storage heap, uint256 index, Entry memory entry) private {
        heap.entries[index] = entry;
        heap.listings[entry.taskId].place = uint32(index + 1);
    }
}
