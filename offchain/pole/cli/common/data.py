"""The data set that an option names."""

import os
from pathlib import Path

from pole.cli.common.output import print_line
from pole.learning.data.datasets import DataSet, data_directory, load


def read_data(name: str) -> DataSet:
    """Return a data set by its name or file, and say on standard error what its owner should know of it.

    Raises InputError where it is unusable.
    """
    dataset = load(name, data_directory(os.environ, Path.cwd()))
    for sentence in dataset.advice:
        print_line(f"warning: {sentence}", err=True)
    return dataset
