"""Sudden death at any call of a port."""

from collections.abc import Callable
from dataclasses import dataclass


class KilledError(BaseException):
    """SIGKILL, as far as a unit test can have it."""


@dataclass
class Death:
    """Kills at the `at`-th call of a port, before or after the call does its work."""

    at: int
    after: bool
    calls: int = 0

    def guard(self, port: object) -> "Mortal":
        return Mortal(port, self)

    def count(self, call: Callable[[], object]) -> object:
        self.calls += 1
        if self.calls == self.at and not self.after:
            raise KilledError
        result = call()
        if self.calls == self.at:
            raise KilledError
        return result


class Mortal:
    """A port whose every method may be the last that is called."""

    def __init__(self, port: object, death: Death) -> None:
        self._port, self._death = port, death

    def __getattr__(self, name: str) -> object:
        attribute = getattr(self._port, name)
        if not callable(attribute):
            return attribute
        return lambda *given, **named: self._death.count(lambda: attribute(*given, **named))
