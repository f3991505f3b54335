import pytest
from click.testing import CliRunner

from pole.cli import main
from pole.cli.common.training import open_place
from pole.errors import InputError
from pole.learning.evaluation.arrays import PROCESSOR


@pytest.mark.parametrize(
    ("device", "sentence"), [("abacus", "torch has no device 'abacus' here"), ("meta", "takes float64")]
)
def test_a_device_that_cannot_evaluate_is_refused_before_anything_starts(device: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        open_place(device)
    result = CliRunner().invoke(main, ["verifier", "run", "--wallet", "nobody", "--device", device])
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_the_processor_is_a_device_too() -> None:
    assert open_place("cpu") is PROCESSOR
