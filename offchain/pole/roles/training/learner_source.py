"""A user's learner by its name: `module.py:Class`, or an entry point of an installed package."""

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final, cast

from pole.errors import InputError
from pole.learning.importing.lines import TheirError, after_comma, line_of_code, their_code
from pole.learning.importing.user_file import named_in
from pole.quoting import listed, quoted
from pole.roles.training.job import INTERFACE, UserLearner

GROUP: Final = "pole.learners"


def open_learner(source: str) -> UserLearner:
    """Run the user's file or package and return a new learner of it.

    Raises InputError, with the user's line, where it is not there, fails, or has another interface.
    """
    make = _maker(source)
    try:
        with their_code():
            learner = make()
    except TheirError as error:
        line = after_comma(error.line or line_of_code(make))
        raise InputError(f"{source} cannot be made{line}: {error.reason}; correct it.") from error
    if not callable(getattr(learner, "train", None)):
        raise InputError(f"{source} has no method train(job); see docs/learners.md.")
    given = getattr(learner, "interface", None)
    if given != INTERFACE:
        raise InputError(
            f"{source} has the interface {quoted(given)}, but this PoLe knows {INTERFACE}: write "
            f"`interface = {INTERFACE}` in the class, and see docs/learners.md."
        )
    return cast(UserLearner, learner)


def _maker(source: str) -> Callable[[], object]:
    file, colon, name = source.rpartition(":")
    if colon:
        return named_in(Path(file), name)
    installed = entry_points(group=GROUP)
    if source not in installed.names:
        known = listed(sorted(installed.names)) or "none"
        raise InputError(
            f"No installed package has a learner {quoted(source)} (there are: {known}); "
            "install one, or name a file as module.py:Class."
        )
    try:
        with their_code():
            return cast(Callable[[], object], installed[source].load())
    except TheirError as error:
        raise InputError(
            f"The learner {source} cannot be loaded{after_comma(error.line)}: {error.reason}."
        ) from error
