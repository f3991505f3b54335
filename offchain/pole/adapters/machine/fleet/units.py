"""A fleet as systemd units: a service for each worker, hardened, and a target that holds them together."""

from typing import Final

from pole.adapters.machine.fleet.fleet_file import Fleet, FleetWorker
from pole.errors import InputError

STOP_WITHIN: Final = 60
"""Seconds in which a worker that is to stop has to end by itself."""

_WITHOUT_DEVICES: Final = frozenset({"data-node", "key-holder"})
"""The roles that never use a GPU."""

_HARDENING: Final = """\
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
CapabilityBoundingSet=
LockPersonality=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
UMask=0077
LimitCORE=0
"""


def units(fleet: Fleet, program: str, user: str) -> dict[str, str]:
    """Return the files of a fleet's units by name; `program` is the path of `pole`, run as `user`.

    Passwords come as credentials. URLs, which may hold a provider's key, stand in files of variables beside
    the units, and in none of these. systemd.exec(5), systemd.service(5).
    """
    files = {target_name(fleet): _target(fleet)}
    for worker in fleet.workers:
        files[service_name(fleet, worker)] = _service(fleet, worker, program, user)
        files[variables_name(fleet, worker)] = _variables(fleet, worker)
    return files


def target_name(fleet: Fleet) -> str:
    """Return the name of the unit that holds a fleet together."""
    return f"pole-{fleet.name}.target"


def service_name(fleet: Fleet, worker: FleetWorker) -> str:
    """Return the name of a worker's unit."""
    return f"pole-{fleet.name}-{worker.name}.service"


def variables_name(fleet: Fleet, worker: FleetWorker) -> str:
    """Return the name of the file of a worker's variables."""
    return f"pole-{fleet.name}-{worker.name}.env"


def _target(fleet: Fleet) -> str:
    wants = " ".join(service_name(fleet, worker) for worker in fleet.workers)
    return f"""\
[Unit]
Description=The PoLe workers of {fleet.name}
Wants={wants}

[Install]
WantedBy=multi-user.target
"""


def _service(fleet: Fleet, worker: FleetWorker, program: str, user: str) -> str:
    words = " ".join((quoted_word(program), *map(argument, worker.arguments)))
    devices = "PrivateDevices=yes\n" if worker.role in _WITHOUT_DEVICES else ""
    cache = f"pole-{fleet.name}-{worker.name}"
    return f"""\
[Unit]
Description=PoLe {worker.role} {worker.name}
After=network-online.target
Wants=network-online.target
PartOf={target_name(fleet)}
StartLimitIntervalSec=0

[Service]
Type=notify
TimeoutStartSec=infinity
User={user}
ExecStart={words}
EnvironmentFile=/etc/pole/{variables_name(fleet, worker)}
Environment=POLE_PASSWORD_FILE=%d/password XDG_CACHE_HOME=%C/{cache}
LoadCredential=password:{path_of(str(worker.password_file))}
CacheDirectory={cache}
CacheDirectoryMode=0700
ReadWritePaths={quoted_word(str(worker.home))}
Restart=on-failure
RestartSec=5
RestartPreventExitStatus={InputError.exit_code}
KillMode=mixed
KillSignal=SIGTERM
TimeoutStopSec={STOP_WITHIN}
{devices}{_HARDENING}
[Install]
WantedBy={target_name(fleet)}
"""


def _variables(fleet: Fleet, worker: FleetWorker) -> str:
    settings = fleet.settings(worker)
    settings.pop("POLE_PASSWORD_FILE")
    return "".join(f"{name}={variable(value)}\n" for name, value in settings.items())


def quoted_word(word: str) -> str:
    """Return a word as one of a list in a unit, whatever is in it. systemd.syntax(7)."""
    escapes = {"\\": "\\\\", '"': '\\"', "%": "%%"}
    return '"' + "".join(escapes.get(each, each) for each in word) + '"'


def argument(word: str) -> str:
    """Return a word as an argument of a command in a unit, where a dollar would begin a variable."""
    return quoted_word(word).replace("$", "$$")


def variable(value: str) -> str:
    """Return a value as a file of variables has it, whatever is in it."""
    return '"' + "".join(f"\\{each}" if each in '\\"$`' else each for each in value) + '"'


def path_of(path: str) -> str:
    """Return a path where a setting takes no quotes. Raises InputError for one that would need some."""
    if path != path.strip() or "\\" in path:
        raise InputError(
            f"The path {path} cannot stand in a unit: move the file to one without \\ and spaces."
        )
    return path.replace("%", "%%")


def steps(fleet: Fleet) -> tuple[str, ...]:
    """Return the commands that install a fleet's units from the folder that holds them, and start it."""
    services = " ".join(service_name(fleet, worker) for worker in fleet.workers)
    variables = " ".join(variables_name(fleet, worker) for worker in fleet.workers)
    target = target_name(fleet)
    return (
        f"sudo install -D -m 600 -t /etc/pole {variables}",
        f"sudo install -m 644 -t /etc/systemd/system {target} {services}",
        f"sudo systemctl daemon-reload && sudo systemctl enable --now {target} {services}",
    )
