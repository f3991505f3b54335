"""Which networks PoLe can be deployed to: devnet/presets.json, read and asked before anything is sent.

docs/deployment.md describes the file. brownie is not needed here.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

from scripts.contracts.sources import ROOT

from pole.errors import InputError

PRESETS: Final = ROOT / "devnet" / "presets.json"


class Randomness(Enum):
    """Who makes the mix in the headers of a chain, from which seeds and committees are drawn."""

    RANDAO = "randao"
    SEQUENCER = "sequencer"
    DEVELOPMENT = "development"
    UNKNOWN = "unknown"


REFUSED: Final[Mapping[Randomness, str]] = {
    Randomness.SEQUENCER: "its sequencer alone makes it and could try draws for nothing: deploy to another",
    Randomness.UNKNOWN: f"no preset of {PRESETS.relative_to(ROOT)} has this chain id: add one",
}
"""The randomness that a deployment has to accept by name, and why, with what to do instead."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A network: its name, chain id, seconds between blocks, randomness, and explorer's URL.

    `confirmations` and `draw_delay` are the least blocks that suit: the draw is of a block whose proposers
    nobody can know when it is named. `parameters` is the parameter file where none is named; where ether has
    a price there is none.
    """

    name: str
    chain_id: int
    block_time: float
    randomness: Randomness
    explorer: str
    confirmations: int
    draw_delay: int
    parameters: Path | None


def read_presets() -> dict[int, Preset]:
    """Return the presets of devnet/presets.json by chain id."""
    content: dict[str, dict[str, Any]] = json.loads(PRESETS.read_text(encoding="utf-8"))
    presets = [_preset(name, entry) for name, entry in content.items()]
    return {preset.chain_id: preset for preset in presets}


def preset_of(chain_id: int, accepted: str) -> Preset:
    """Return the preset of a chain. `accepted` names a randomness that is taken though it is refused else.

    Raises InputError where the chain's randomness is refused.
    """
    unknown = {"chainId": chain_id, "blockTime": 0, "randomness": "unknown"}
    preset = read_presets().get(chain_id) or _preset(f"chain-{chain_id}", unknown)
    randomness = preset.randomness
    if randomness in REFUSED and accepted != randomness.value:
        raise InputError(
            f"The randomness of {preset.name} (chain {chain_id}) is {randomness.value}: "
            f"{REFUSED[randomness]}, or accept it with POLE_ACCEPT_RANDOMNESS={randomness.value}."
        )
    return preset


def check_delays(preset: Preset, *, draw_delay: int, confirmations: int) -> None:
    """Raise InputError where draws or secrets wait for fewer blocks than suit the network."""
    broken = list(_short_delays(preset, draw_delay, confirmations))
    if broken:
        raise InputError("\n".join(["These parameters do not suit the network.", *broken]))


def _short_delays(preset: Preset, draw_delay: int, confirmations: int) -> Iterator[str]:
    if draw_delay < preset.draw_delay:
        yield (
            f"- chain.drawDelay is {draw_delay}, but on {preset.name} proposers are known "
            f"{preset.draw_delay - 1} slots ahead and could be waited for: make it at least "
            f"{preset.draw_delay}."
        )
    if confirmations < preset.confirmations:
        yield (
            f"- chain.confirmations is {confirmations}, but a block of {preset.name} can be taken back under "
            f"{preset.confirmations - 1} others: make it at least {preset.confirmations}."
        )


def _preset(name: str, entry: Mapping[str, Any]) -> Preset:
    parameters = entry.get("parameters")
    return Preset(
        name=name,
        chain_id=entry["chainId"],
        block_time=entry["blockTime"],
        randomness=Randomness(entry["randomness"]),
        explorer=entry.get("explorer", ""),
        confirmations=entry.get("confirmations", 0),
        draw_delay=entry.get("drawDelay", 0),
        parameters=parameters and ROOT / parameters,
    )
