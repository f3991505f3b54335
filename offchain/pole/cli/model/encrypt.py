"""`pole model encrypt`."""

import os
import tempfile
from pathlib import Path

import click

from pole.cli.common.context import Settings, command, common_options, open_reader, open_store
from pole.cli.common.output import print_line
from pole.cli.model.predict import encoder_option


@command(epilog="Example: pole model encrypt 1 --rows new.csv --out sealed.safetensors")
@click.argument("task", metavar="TASK")
@click.option(
    "--rows",
    type=click.Path(path_type=Path),
    required=True,
    help="Rows like those that the data was prepared of: a table, a folder of images, an .npy or .npz file.",
)
@encoder_option
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File of the ciphertexts."
)
@common_options
def encrypt(settings: Settings, task: str, rows: Path, encoder: str | None, out: Path) -> None:
    """Encrypt new rows under the master public key of a TASK, for somebody else to predict.

    Who has the round's functional keys, which are public, then sees the inner products of each row that its
    query vectors make, and no more of it: as much as miners saw of each row that they trained on.
    """
    from pole.learning.preparing.applying import encode
    from pole.roles.models.folder import find_model
    from pole.roles.models.predicting import read_given
    from pole.roles.models.sealed_rows import SealedRows
    from pole.roles.support.files import write_whole

    kept = find_model(settings.home, task)
    given = read_given(kept, rows, encoder)
    samples = encode(kept.require_preparation(), given.rows, encoder=given.encoder).samples
    reader = open_reader(settings)
    kept.record.require_of(reader.deployment.chain_id, reader.deployment.chain.address)
    with tempfile.TemporaryDirectory() as folder:
        sealed = SealedRows(kept.record, reader, open_store(settings), Path(folder))
        write_whole(out, sealed.seal(kept.trained, samples, os.urandom))
    print_line(
        f"{out} has {len(samples):,} rows encrypted. Whoever has the public functional keys of round "
        f"{kept.record.round_id} sees {kept.trained.model.specification.mapping.queries} inner products of "
        "every window of each row."
    )
