"""Where torch is in its random numbers, for checkpoints."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def random_state(device: torch.device) -> dict[str, Tensor | None]:
    """Return it for the processor, `random`, and for a GPU that `device` is, `deviceRandom`."""
    on_gpu = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    return {"random": torch.get_rng_state(), "deviceRandom": on_gpu}


def resume_random(state: Mapping[str, Any], device: torch.device) -> None:
    """Go on with what `random_state` returned; a GPU with its own numbers, where a processor was there."""
    torch.set_rng_state(state["random"])
    if device.type == "cuda" and state["deviceRandom"] is not None:
        torch.cuda.set_rng_state(state["deviceRandom"], device)
