"""Where things are: data folder, chain, IPFS, contracts and password; and where they are by default."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DEFAULT_RPC: Final = "http://127.0.0.1:8546"
DEFAULT_IPFS: Final = "/ip4/127.0.0.1/tcp/5001"
DEFAULT_DEPLOYMENT: Final = Path("deployments/devnet.json")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are: data folder, node's RPC URL, IPFS API's multiaddr, deployment file, password file."""

    home: Path
    rpc: str
    ipfs: str
    deployment: Path
    password_file: Path | None


def default_home() -> Path:
    """Return the platform's folder for PoLe's data: wallets, journals, caches."""
    from platformdirs import user_data_path

    return user_data_path("pole")


def find_deployment(start: Path, repository: Path) -> Path:
    """Return the deployment file of the folder `start`, of the nearest one above it, or of the repository.

    Where there is none it is the one that `start` would have.
    """
    folders = (start, *start.parents, repository)
    found = (folder / DEFAULT_DEPLOYMENT for folder in folders if (folder / DEFAULT_DEPLOYMENT).is_file())
    return next(found, DEFAULT_DEPLOYMENT)


def default_deployment() -> Path:
    """Return the deployment file that is found from the working directory (see `find_deployment`)."""
    return find_deployment(Path.cwd(), Path(__file__).resolve().parents[3])


def settings_of(
    *,
    home: str | Path | None = None,
    rpc: str | None = None,
    ipfs: str | None = None,
    deployment: str | Path | None = None,
) -> Settings:
    """Return the settings: what is given, else the environment, else the profile, else the default.

    Raises InputError where the file of profiles is unusable.
    """
    from pole.adapters.storage.profiles import load_profiles, profiles_file

    profile = load_profiles(profiles_file(os.environ)).settings(os.environ.get("POLE_PROFILE"))

    def chosen(name: str, given: str | Path | None) -> str | None:
        value = given if given is not None else os.environ.get(f"POLE_{name.upper()}") or profile.get(name)
        return None if value is None else str(value)

    folder, file, password = (
        chosen("home", home),
        chosen("deployment", deployment),
        chosen("password_file", None),
    )
    return Settings(
        home=(default_home() if folder is None else Path(folder)).expanduser().absolute(),
        rpc=chosen("rpc", rpc) or DEFAULT_RPC,
        ipfs=chosen("ipfs", ipfs) or DEFAULT_IPFS,
        deployment=default_deployment() if file is None else Path(file),
        password_file=None if password is None else Path(password),
    )
