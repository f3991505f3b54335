"""Profiles: where things are on the networks that somebody works with, kept by name (docs/formats.md).

One file for a user, in the platform's folder of configurations. It holds no secret: a password is named by
its file.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from pole.adapters.storage.private_file import write_private
from pole.errors import InputError
from pole.quoting import listed, quoted, reason
from pole.roles.support.files import read_bounded

FORMAT: Final = "pole.profiles"
VERSION: Final = 1
MAX_BYTES: Final = 2**16
DEFAULT_NAME: Final = "default"
SETTINGS: Final = ("home", "rpc", "ipfs", "deployment", "password_file", "wallet")
PATHS: Final = frozenset({"home", "deployment", "password_file"})
"""The settings that are paths: kept absolute, so that they hold in every folder."""


@dataclass(frozen=True, slots=True)
class Profiles:
    """Settings by profile, and the profile in use. Each setting is text, as on the command line."""

    in_use: str = DEFAULT_NAME
    by_name: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def settings(self, name: str | None = None) -> Mapping[str, str]:
        """Return the settings of a profile, of the one in use without a name.

        Raises InputError where there is no profile of that name.
        """
        if name not in (None, DEFAULT_NAME, *self.by_name):
            raise InputError(
                f"There is no profile {quoted(name)}: `pole config list` shows those there are, and `pole "
                "config set --profile NAME` makes one."
            )
        return self.by_name.get(name or self.in_use, {})

    def with_setting(self, name: str | None, setting: str, value: str | None) -> "Profiles":
        """Return profiles in which one has another value for a setting, or none."""
        chosen = name or self.in_use
        kept = {each: text for each, text in self.by_name.get(chosen, {}).items() if each != setting}
        changed = kept if value is None else kept | {setting: value}
        return replace(self, by_name={**self.by_name, chosen: changed})

    def using(self, name: str) -> "Profiles":
        """Return profiles of which `name` is in use. Raises InputError where there is no such profile."""
        self.settings(name)
        return replace(self, in_use=name)


def profiles_file(environment: Mapping[str, str]) -> Path:
    """Return the file of profiles: the one that POLE_CONFIG names, else in the platform's folder."""
    from platformdirs import user_config_path

    named = environment.get("POLE_CONFIG")
    return Path(named) if named else user_config_path("pole") / "profiles.json"


def load_profiles(path: Path) -> Profiles:
    """Return the profiles of a file, none where there is no file. Raises InputError where it is unusable."""
    try:
        document = read_bounded(path, MAX_BYTES)
    except FileNotFoundError:
        return Profiles()
    except OSError as error:
        raise InputError(f"The profiles {path} cannot be read: {error.strerror}.") from error
    return read_profiles(document, path)


def read_profiles(document: bytes, path: Path) -> Profiles:
    """Return the profiles that a document holds. Raises InputError where it is not of version 1."""
    if not document.strip():
        return Profiles()
    try:
        content = json.loads(document) if len(document) <= MAX_BYTES else None
    except (ValueError, RecursionError) as error:
        raise _unusable(path, f"they are not JSON ({reason(error)})") from error
    if not isinstance(content, dict) or (content.get("format"), content.get("version")) != (FORMAT, VERSION):
        raise _unusable(path, f"they are not {FORMAT} of version {VERSION}")
    in_use, profiles = content.get("use"), content.get("profiles")
    if not isinstance(in_use, str) or not isinstance(profiles, dict):
        raise _unusable(path, "they name no profile in use, or hold no profiles")
    return Profiles(in_use, {name: _settings(path, name, found) for name, found in profiles.items()})


def _settings(path: Path, name: str, found: Any) -> Mapping[str, str]:
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise _unusable(path, f"the settings of {quoted(name)} are not texts by name")
    unknown = [setting for setting in found if setting not in SETTINGS]
    if unknown:
        raise _unusable(path, f"{quoted(name)} has settings that this pole does not know: {listed(unknown)}")
    return found


def save_profiles(path: Path, profiles: Profiles) -> None:
    """Write profiles to a file, its owner's alone. Raises InputError or DiskError where that cannot be."""
    content = {"format": FORMAT, "version": VERSION, "use": profiles.in_use, "profiles": profiles.by_name}
    write_private(path, json.dumps(content, indent=2, sort_keys=True).encode() + b"\n")


def _unusable(path: Path, why: str) -> InputError:
    return InputError(f"The profiles {path} cannot be used, {why}: correct the file, or move it away.")
