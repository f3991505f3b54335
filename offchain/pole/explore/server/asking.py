"""What a request asks for, checked: numbers, addresses, hashes and choices, all of bounded size."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from eth_utils.address import is_address

from pole.explore.views.looking import LARGEST, NotThereError
from pole.protocol.encoding.hashing import address
from pole.quoting import quoted

_NUMBER: Final = re.compile(r"[0-9]{1,19}", re.ASCII)
_HASH: Final = re.compile(r"0x[0-9a-fA-F]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """The values in a request's path and query, by name.

    Every function raises NotThereError for a value of another kind.
    """

    values: Mapping[str, str]

    def number(self, name: str) -> int:
        """Return a whole number that a table can be asked for."""
        found = self.number_or_none(name)
        if found is None:
            raise NotThereError(f"{name} is missing.")
        return found

    def number_or_none(self, name: str) -> int | None:
        """Return a whole number that a table can be asked for, None where it was not given."""
        given = self.values.get(name, "")
        if not given:
            return None
        if not _NUMBER.fullmatch(given) or int(given) > LARGEST:
            raise NotThereError(f"{quoted(given)} is no number of anything here.")
        return int(given)

    def choice(self, name: str, among: Collection[str]) -> str:
        """Return one of some words, "" where it was not given."""
        given = self.values.get(name, "")
        if given and given not in among:
            raise NotThereError(f"{name} is one of {', '.join(among)}.")
        return given

    def address(self, name: str) -> str:
        """Return an address with its checksum."""
        given = self.values.get(name, "")
        if not is_address(given):
            raise NotThereError(f"{quoted(given)} is no address: it is 0x and 40 hexadecimal digits.")
        return address(given)

    def hash(self, name: str) -> bytes:
        """Return a hash of 32 bytes."""
        given = self.values.get(name, "")
        if not _HASH.fullmatch(given):
            raise NotThereError(f"{quoted(given)} is no hash: it is 0x and 64 hexadecimal digits.")
        return bytes.fromhex(given[2:])

    def text(self, name: str) -> str:
        """Return any text, "" where it was not given."""
        return self.values.get(name, "")
