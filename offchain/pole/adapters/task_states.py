"""What became of each task."""

from pole.adapters.chain_reader import ChainReader
from pole.protocol.state import Phase


def task_states(reader: ChainReader) -> dict[int, str]:
    """Return for each task id: waiting, cancelled, or the round that took it and where that round stands."""
    states = {task.task_id: "waiting" for task in reader.tasks()}
    for event in reader.index.events("TaskCancelled"):
        states[event.arguments["taskId"]] = "cancelled"
    for event in reader.index.events("TaskTaken"):
        round_id = event.arguments["roundId"]
        phase, _ = reader.view("PoLeChain", "phaseOf", round_id)
        states[event.arguments["taskId"]] = f"round {round_id}: {Phase(phase).name.lower()}"
    return states
