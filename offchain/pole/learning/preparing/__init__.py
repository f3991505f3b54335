"""From tables and images as their owner has them to samples and labels, and the same for new rows."""

from importlib.util import find_spec

from pole.errors import InputError

if find_spec("pyarrow") is None:
    raise InputError("Tables are read by pyarrow, which is not here: install pole with the extra 'tables'.")
