"""Post a task that a JSON file describes: what `pole task post` does, by hand.

tools/brownie run post_task main task.json --network devnet

The file holds {"terms": {...}, "files": {...}} with the names of TaskTerms and TaskFiles
(contracts/interfaces/ITaskList.sol): amounts as wei or, in strings, as ether;
digests as 0x and 64 hexadecimal digits.
"""

from pathlib import Path

from scripts.contracts.deployed import load, read_json, sender, struct_of

PAYMENTS = ("reward", "dataBond", "fee")
BASIS_POINTS = 10_000


def main(path: str) -> int:
    content = read_json(Path(path), "name a file with the task's terms and files")
    if set(content) != {"terms", "files"}:
        raise SystemExit(f"The file {path} must hold `terms` and `files` and nothing else.")
    task_list = load("TaskList")
    terms_abi, files_abi = next(entry for entry in task_list.abi if entry.get("name") == "post")["inputs"]
    terms = struct_of(content["terms"], terms_abi["components"], "terms")
    names = [component["name"] for component in files_abi["components"]]
    if set(content["files"]) != set(names):
        raise SystemExit(f"The files must be {', '.join(names)}.")
    values = {each["name"]: value for each, value in zip(terms_abi["components"], terms, strict=True)}
    rent = values["reward"] * task_list.parameters().dict()["rentBps"] // BASIS_POINTS
    due = sum(values[name] for name in PAYMENTS) + rent
    files = tuple(content["files"][name] for name in names)
    posted = task_list.post(terms, files, {"from": sender(), "value": due})
    task_id: int = posted.events["TaskPosted"]["taskId"]
    print(f"Posted task {task_id}; {task_list.waiting()} tasks wait.")
    return task_id
