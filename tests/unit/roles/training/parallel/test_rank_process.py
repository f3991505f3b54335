"""What a rank does before it learns."""

from pathlib import Path

import pytest
import torch

from pole.learning.parallel.meeting import Meeting
from pole.roles.training.parallel import rank_process
from pole.roles.training.parallel.rank_process import Place, meet


@pytest.mark.parametrize(
    ("name", "chosen"), [("cpu", []), ("cuda", []), ("cuda:1", [torch.device("cuda:1")])]
)
def test_a_rank_chooses_the_gpu_that_is_named_by_a_number_alone(
    monkeypatch: pytest.MonkeyPatch, name: str, chosen: list[torch.device]
) -> None:
    devices: list[torch.device] = []
    met: list[tuple[Meeting, int, int, torch.device]] = []
    # torch refuses a device without an index.
    monkeypatch.setattr(torch.cuda, "set_device", devices.append)
    monkeypatch.setattr(rank_process, "connect", lambda *arguments: met.append(arguments))
    threads, device, meeting = torch.get_num_threads(), torch.device(name), Path("meeting")
    meet(Place(0, 2, device, threads, meeting, Path("log")))
    assert devices == chosen
    assert met == [(meeting, 0, 2, device)]
