"""A promise, and what was found about it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Promise:
    """What must hold, in words; `breaches` say where it does not, `remarks` what is worth knowing."""

    words: str
    breaches: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Return whether nothing broke it."""
        return not self.breaches
