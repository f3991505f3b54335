"""A run that failed, told again with as few actions as still fail."""

from collections.abc import Sequence

from tests.contracts.stateful.interface import Artifact
from tests.contracts.stateful.model.system import Call, Force, Wait
from tests.contracts.stateful.pair import Action
from tests.contracts.stateful.run import Counts, Course, Stage, run, seeded

LONGEST = 200


def shortened(compiled: dict[str, Artifact], course: Course) -> Course:
    """Return the course without the actions that its failure does not need (Zeller's ddmin)."""
    actions, size = course.actions, len(course.actions) // 2
    while size:
        start = 0
        while start < len(actions):
            rest = [*actions[:start], *actions[start + size :]]
            if _fails(compiled, course, rest):
                actions = rest
            else:
                start += size
        size //= 2
    return Course(course.parameters, course.start, list(actions))


def told(course: Course) -> str:
    return "\n".join([f"{course.parameters}", f"{course.start}", *map(_line, course.actions)])


def _fails(compiled: dict[str, Artifact], course: Course, actions: Sequence[Action]) -> bool:
    stage = Stage(compiled, Course(course.parameters, course.start), Counts())
    try:
        for action in actions:
            stage.take(action)
    except AssertionError:
        return True
    return False


def _line(action: Action) -> str:
    if isinstance(action, Call):
        value = f" with {action.value} wei" if action.value else ""
        given = ", ".join(map(_argument, action.arguments))
        return f"{action.sender} calls {action.function}({given}){value}"
    if isinstance(action, Wait):
        return f"{action.blocks} blocks and {action.seconds} s pass"
    assert isinstance(action, Force)
    return f"{action.amount} wei are forced in"


def _argument(given: object) -> str:
    """Return an argument as text, a block's header by its size alone: the round says which block's it is."""
    if isinstance(given, bytes) and len(given) > LONGEST:
        return f"<{len(given)} bytes>"
    return repr(given)


def played(compiled: dict[str, Artifact], seed: int, steps: int, counts: Counts) -> None:
    """Run; a failure is told with the fewest actions that lead to it."""
    try:
        run(compiled, seeded(seed), steps, counts)
    except AssertionError as error:
        course = getattr(error, "course", None)
        if course is None:
            raise AssertionError(f"seed {seed}, {steps} steps, at the end: {error}") from error
        short = shortened(compiled, course)
        raise AssertionError(f"seed {seed}, {steps} steps: {error}\n\n{told(short)}") from error
