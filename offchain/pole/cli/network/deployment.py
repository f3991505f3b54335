"""`pole deployment verify`: the source code of the contracts, shown to everybody."""

from typing import TYPE_CHECKING, Any

import click

from pole.cli.common.context import Settings, command, common_options, json_option
from pole.cli.common.output import print_json, print_line

if TYPE_CHECKING:
    from pole.adapters.explorers.sourcify import Verification


@command(epilog="Example: pole deployment verify --deployment deployments/public.json")
@click.option(
    "--server",
    metavar="URL",
    default="https://sourcify.dev/server",
    show_default=True,
    help="Server that speaks Sourcify's API v2.",
)
@json_option
@common_options
def verify(settings: Settings, /, *, server: str, as_json: bool) -> None:
    """Have Sourcify compile the contracts' sources and compare them with the code on the chain.

    Every contract of the deployment file is submitted, with the sources in the file `<name>.sources.json`
    beside it. Explorers take over what Sourcify verified. No node and no wallet is needed, and running it
    again does no harm. Each contract is waited for up to ten minutes.
    The exit code is 1 when a contract fails, and 3 when Sourcify is not done with one.
    """
    from pole.adapters.explorers.sourcify import Outcome, Sourcify
    from pole.adapters.explorers.submissions import read_submissions

    submissions = read_submissions(settings.deployment)
    sourcify = Sourcify(server)
    verified = []
    for submission in submissions:
        verified.append(sourcify.verify(submission))
        if not as_json:
            print_line(_line(verified[-1]))
    if as_json:
        print_json([_as_json(each) for each in verified])
    outcomes = {each.outcome for each in verified}
    if Outcome.FAILED in outcomes:
        click.get_current_context().exit(1)
    if Outcome.RUNNING in outcomes:
        click.get_current_context().exit(3)


def _line(verified: "Verification") -> str:
    submission, reason = verified.submission, verified.reason and f" ({verified.reason})"
    return f"{submission.contract:<17}  {submission.address}  {verified.outcome.value}{reason}"


def _as_json(verified: "Verification") -> dict[str, Any]:
    return {
        "contract": verified.submission.contract,
        "chainId": verified.submission.chain_id,
        "address": verified.submission.address,
        "source": verified.submission.source,
        "outcome": verified.outcome.name.lower(),
        "reason": verified.reason or None,
    }
