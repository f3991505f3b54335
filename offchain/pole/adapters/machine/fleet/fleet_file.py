"""fleet.toml: which workers run on a machine, with role, wallet, home and options (docs/operations.md)."""

import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pole.adapters.wallet.keystore import find_wallet
from pole.errors import InputError
from pole.quoting import listed, quoted, reason
from pole.roles.support.files import read_bounded

MAX_BYTES: Final = 2**18
MAX_WORKERS: Final = 256
ROLES: Final = ("miner", "verifier", "data-node", "key-holder")
SHARED: Final = ("home", "rpc", "ipfs", "deployment", "password-file")
OWN: Final = ("name", "role", "wallet", "home", "password-file", "metrics", "options")
NO_TEXTS: Final = ("metrics", "options")
MAX_PORT: Final = 65_535
KEPT_OUT: Final = (*(f"--{name}" for name in SHARED), "--wallet", "--metrics", "--profile", "--help", "-h")
"""Options that a worker's list may not have: the file has keys for them, or they start no worker."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shared:
    """What workers have in common unless the file says otherwise; see `pole.api.settings.Settings`."""

    home: Path
    rpc: str
    ipfs: str
    deployment: Path
    password_file: Path | None


@dataclass(frozen=True, slots=True)
class FleetWorker:
    """One worker: its name in the fleet, its command `pole ROLE run`, and where what is its own lies.

    `metrics` is the port that Prometheus reads it on, None without one.
    """

    name: str
    role: str
    wallet: str
    home: Path
    password_file: Path
    options: tuple[str, ...]
    metrics: int | None = None

    @property
    def arguments(self) -> tuple[str, ...]:
        """Return the words after `pole` that run it: no password and no URL is among them."""
        metrics = () if self.metrics is None else ("--metrics", str(self.metrics))
        return (self.role, "run", "--wallet", self.wallet, *metrics, *self.options)


@dataclass(frozen=True, slots=True)
class Fleet:
    """The workers of a file, by its order, and what they share. All paths are absolute."""

    path: Path
    shared: Shared
    workers: tuple[FleetWorker, ...]

    @property
    def name(self) -> str:
        """Return the name of the fleet: that of its file."""
        return self.path.stem

    def named(self, names: tuple[str, ...]) -> tuple[FleetWorker, ...]:
        """Return the workers of these names, all without a name. Raises InputError for an unknown one."""
        known = {worker.name: worker for worker in self.workers}
        unknown = [name for name in names if name not in known]
        if unknown:
            raise InputError(f"{self.path} has no worker {listed(unknown)}: it has {listed(known)}.")
        return tuple(known[name] for name in dict.fromkeys(names)) or self.workers

    def settings(self, worker: FleetWorker) -> dict[str, str]:
        """Return the variables by which a worker's process learns where things are."""
        return {
            "POLE_HOME": str(worker.home),
            "POLE_RPC": self.shared.rpc,
            "POLE_IPFS": self.shared.ipfs,
            "POLE_DEPLOYMENT": str(self.shared.deployment),
            "POLE_PASSWORD_FILE": str(worker.password_file),
        }


def load_fleet(path: Path, shared: Shared) -> Fleet:
    """Return the fleet of a file; `shared` says what the file leaves out.

    Raises InputError where the file is unusable, or a file that it names is missing.
    """
    try:
        document = read_bounded(path, MAX_BYTES)
    except OSError as error:
        raise InputError(f"The fleet {path} cannot be read: {error.strerror}.") from error
    fleet = read_fleet(document, path, shared)
    require_files(fleet)
    return fleet


def read_fleet(document: bytes, path: Path, shared: Shared) -> Fleet:
    """Return the fleet that a TOML document holds; paths in it count from the folder of `path`.

    Raises InputError for what is no TOML, a key that is unknown or missing, a value of another type, two
    workers of one name, two of one port, and two of one wallet, role and home.
    """
    try:
        content = tomllib.loads(document.decode()) if len(document) <= MAX_BYTES else None
    except (ValueError, RecursionError) as error:
        raise InputError(f"The fleet {path} is no TOML ({reason(error)}): correct it.") from error
    if content is None:
        raise InputError(f"The fleet {path} is larger than {MAX_BYTES} bytes: part it.")
    rows = content.pop("worker", None)
    _require_known(content, SHARED, f"The fleet {path}")
    if not isinstance(rows, list) or not 0 < len(rows) <= MAX_WORKERS:
        raise InputError(f"The fleet {path} needs 1 to {MAX_WORKERS} tables [[worker]]: one for each worker.")
    folder = path.absolute().parent
    common = _shared(content, folder, shared, f"The fleet {path}")
    workers = tuple(_worker(row, number, folder, common) for number, row in enumerate(rows, 1))
    _require_distinct(workers)
    return Fleet(path.absolute(), common, workers)


def require_files(fleet: Fleet) -> None:
    """Raise InputError where the deployment, a wallet or a password file is missing or cannot be read."""
    if not os.path.isfile(fleet.shared.deployment):
        raise InputError(f"There is no deployment file {fleet.shared.deployment}: correct {fleet.path}.")
    for worker in fleet.workers:
        find_wallet(worker.home, worker.wallet)
        if not os.path.isfile(worker.password_file) or not os.access(worker.password_file, os.R_OK):
            raise InputError(
                f"The password file {worker.password_file} of worker {worker.name} cannot be read: make it, "
                f"or correct {fleet.path}."
            )


def _shared(content: Mapping[str, Any], folder: Path, default: Shared, where: str) -> Shared:
    texts = {name: _text(content[name], name, where) for name in SHARED if name in content}
    paths = {name: _path(folder, texts[name]) for name in texts.keys() - {"rpc", "ipfs"}}
    password = paths.get("password-file") or default.password_file
    return replace(
        default,
        home=(paths.get("home") or default.home).absolute(),
        rpc=texts.get("rpc", default.rpc),
        ipfs=texts.get("ipfs", default.ipfs),
        deployment=(paths.get("deployment") or default.deployment).absolute(),
        password_file=None if password is None else password.absolute(),
    )


def _worker(row: object, number: int, folder: Path, shared: Shared) -> FleetWorker:
    where = f"Worker {number}"
    if not isinstance(row, dict):
        raise InputError(f"{where} is no table: write [[worker]], and its keys below.")
    _require_known(row, OWN, where)
    missing = [name for name in ("name", "role") if name not in row]
    if missing:
        raise InputError(f"{where} lacks {listed(missing)}: each worker has a name and a role.")
    texts = {name: _text(value, name, where) for name, value in row.items() if name not in NO_TEXTS}
    name, role = texts["name"], texts["role"]
    if not _NAME.fullmatch(name):
        raise InputError(f"{where} is named {quoted(name)}: use a to z, 0 to 9, - and _, at most 64.")
    where = f"Worker {name}"
    if role not in ROLES:
        raise InputError(f"{where} has the role {quoted(role)}: use one of {', '.join(ROLES)}.")
    password = _path(folder, texts["password-file"]) if "password-file" in texts else shared.password_file
    if password is None:
        raise InputError(f"{where} has no password-file: name one for it, or one for all above them.")
    home = _path(folder, texts["home"]) if "home" in texts else shared.home
    options = tuple(_options(row.get("options", []), where))
    metrics = _port(row["metrics"], where) if "metrics" in row else None
    return FleetWorker(name, role, texts.get("wallet", name), home, password, options, metrics)


def _port(value: object, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= MAX_PORT:
        raise InputError(f"{where} has {quoted(value)} for metrics: it has to be a port, 1 to {MAX_PORT}.")
    return value


def _options(value: object, where: str) -> Iterator[str]:
    if not isinstance(value, list):
        raise InputError(f'{where} has options that are no list: write options = ["--poll", "12"].')
    for each in value:
        option = _text(each, "each of its options", where)
        if option.partition("=")[0] in KEPT_OUT:
            raise InputError(f"{where} has the option {quoted(option)}: the file's own keys say that.")
        yield option


def _require_known(content: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    unknown = [name for name in content if name not in known]
    if unknown:
        raise InputError(f"{where} has keys that are unknown, {listed(unknown)}: use {', '.join(known)}.")


def _require_distinct(workers: tuple[FleetWorker, ...]) -> None:
    names = Counter(worker.name for worker in workers)
    ports = Counter(worker.metrics for worker in workers if worker.metrics is not None)
    seats = Counter((worker.role, worker.wallet, os.path.realpath(worker.home)) for worker in workers)
    for name, count in names.items():
        if count > 1:
            raise InputError(f"{count} workers are named {name}: give each a name of its own.")
    for port, count in ports.items():
        if count > 1:
            raise InputError(f"{count} workers have the port {port} for metrics: give each one of its own.")
    for (role, wallet, home), count in seats.items():
        if count > 1:
            raise InputError(
                f"{count} workers are the {role} of the wallet {quoted(wallet)} in {home}: each needs a "
                "wallet of its own, or both would commit under one salt."
            )


def _text(value: object, name: str, where: str) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise InputError(f"{where} has {quoted(value)} for {name}: it has to be text on one line.")
    return value


def _path(folder: Path, text: str) -> Path:
    return Path(os.path.abspath(folder / os.path.expanduser(text)))
