"""Folders of images: which of them are classes, which are to train and to test, and what is none."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from pole.cli import main
from pole.errors import InputError
from pole.learning.data.preparation import ClassTarget, NumberTarget
from pole.learning.preparing.preparing import Wanted, prepare

MANY = tuple(f"{number:05d}" for number in range(21))


def folders(root: Path, *names: str) -> Path:
    """Write two images of 2x2 into each folder of a folder."""
    for name in names:
        (root / name).mkdir(parents=True)
        for number in range(2):
            Image.new("L", (2, 2), number).save(root / name / f"{number}.png")
    return root


def test_folders_are_classes_however_many_numbers_name_them(tmp_path: Path) -> None:
    signs = folders(tmp_path / "signs", *MANY)
    assert prepare(signs, Wanted(test_part=0.5)).preparation.target == ClassTarget(column="class", names=MANY)


def test_folders_are_numbers_where_that_is_asked_for(tmp_path: Path) -> None:
    ages = folders(tmp_path / "ages", "20", "30", "45")
    assert isinstance(prepare(ages, Wanted(regression=True)).preparation.target, NumberTarget)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    traffic = folders(tmp_path / "traffic", "car", "plane", "train")
    target = prepare(traffic, Wanted(test_part=0.5)).preparation.target
    assert target == ClassTarget(column="class", names=("car", "plane", "train"))


def test_folders_to_train_and_to_test_have_folders_in_them(tmp_path: Path) -> None:
    pets = folders(tmp_path / "pets", "train/cat", "train/dog", "test/cat", "test/dog")
    (pets / "train" / ".hidden").mkdir()
    prepared = prepare(pets, Wanted())
    assert prepared.preparation.target == ClassTarget(column="class", names=("cat", "dog"))
    assert (len(prepared.dataset.x_train), len(prepared.dataset.x_test)) == (4, 4)


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_test_images_that_are_not_there_are_said(tmp_path: Path, name: str) -> None:
    pets = folders(tmp_path / "pets", "cat", "dog")
    (tmp_path / "file").write_text("rows")
    with pytest.raises(InputError, match=rf"^There is no folder .*{name}; name one with a folder of images"):
        prepare(pets, Wanted(test=tmp_path / name))


def test_a_name_that_is_mistyped_is_no_fault_of_the_disk(tmp_path: Path) -> None:
    pets = folders(tmp_path / "pets", "cat", "dog")
    arguments = ["data", "prepare", str(pets), "--test", "nowhere", "--out", str(tmp_path / "pets.pole")]
    assert CliRunner().invoke(main, arguments).exit_code == 2
