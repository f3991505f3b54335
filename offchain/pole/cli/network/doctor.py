"""`pole doctor`."""

import click

from pole.cli.common.context import Settings, command, common_options, json_option
from pole.cli.common.output import print_json
from pole.quoting import one_line

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@command(epilog="Example: pole doctor --json")
@json_option
@common_options
def doctor(settings: Settings, /, *, as_json: bool) -> None:
    """Check each part of the set-up and say what to do about what does not work.

    The exit code is 1 when something fails.
    """
    from pole.adapters.machine.diagnosis import Grade, Setup, diagnose

    findings = diagnose(Setup(settings.home, settings.rpc, settings.ipfs, settings.deployment))
    if as_json:
        print_json(
            [
                {"part": finding.part, "grade": finding.grade.value, "sentence": finding.sentence}
                for finding in findings
            ]
        )
    else:
        for finding in findings:
            grade = click.style(f"{finding.grade.value:<5}", fg=_COLOURS[finding.grade.value])
            click.echo(f"{grade} {finding.part:<12} {one_line(finding.sentence)}")
    if any(finding.grade is Grade.FAIL for finding in findings):
        click.get_current_context().exit(1)
