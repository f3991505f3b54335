"""What a task costs, shown before anything is sent, and its owner's agreement to pay it."""

import sys
from typing import TYPE_CHECKING, Any, Final

import click

from pole.cli.common.output import print_line
from pole.errors import InputError, PoleError

if TYPE_CHECKING:
    from pole.protocol.parameters import Parameters
    from pole.protocol.state import TaskTerms
    from pole.roles.publishing.preparation import TaskRequest

OWNER_GAS: Final = 500_000
"""Gas of posting, keys, close and release, at the limits of docs/gas.md."""

yes_option = click.option("--yes", "-y", is_flag=True, help="Pay without being asked, as scripts must.")
dry_run_option = click.option(
    "--dry-run",
    is_flag=True,
    help="Show what it costs and discloses, and stop: nothing is published or sent.",
)


def require_an_answer(*, yes: bool, dry_run: bool) -> None:
    """Raise InputError where nobody can be asked whether to pay, and nobody said so beforehand."""
    if not (yes or dry_run or sys.stdin.isatty()):
        raise InputError(
            "There is no terminal to ask at whether to pay: give --yes, or --dry-run to see what it costs."
        )


def lines_of(terms: "TaskTerms", parameters: "Parameters", gas_price: int) -> tuple[str, ...]:
    """Return what a task costs at so many wei for a unit of gas, what of it comes back, and its judging."""
    from pole.protocol.amounts import ether
    from pole.protocol.rounds.rent import payment, rent

    gas, whole = gas_price * OWNER_GAS, payment(terms, parameters.task_list)
    rows = (
        ("reward", ether(terms.reward), "for winner and committee; comes back where no model qualifies"),
        ("fee", ether(terms.fee), "for the pool"),
        ("rent", ether(rent(terms.reward, parameters.task_list)), "by the second; the rest comes back"),
        ("data bond", ether(terms.data_bond), "comes back, unless keys or test set are late or wrong"),
        ("gas", _about(gas), f"at {gas_price / 10**9:.3g} gwei, for posting, keys and release"),
        ("together", _about(whole + gas), f"of it {ether(whole)} with the posting"),
    )
    width = max(len(amount) for _, amount, _ in rows)
    costs = (f"  {what:<9}  {amount:<{width}}  {why}" for what, amount, why in rows)
    return ("It costs:", *costs, *_judging(terms, parameters))


def _judging(terms: "TaskTerms", parameters: "Parameters") -> tuple[str, str]:
    """Return how long judging may take, and what it asks for and is paid."""
    from pole.cli.task.telling import duration
    from pole.protocol.amounts import ether

    document = judging_document(terms, parameters)
    each, first = duration(document["seconds"]), duration(parameters.chain.vote_commit_window)
    fee, minimum = ether(int(document["verificationFee"])), ether(int(document["leastReward"]))
    return (
        f"Judging a model may take {each}, for {terms.work:,} multiplications a sample: a vote stays open "
        f"for {first}, and for {each} more with each model.",
        f"The first committee shares {fee} of the reward for it. For all the time that the task may take "
        f"this deployment asks for a reward of at least {minimum}.",
    )


def judging_document(terms: "TaskTerms", parameters: "Parameters") -> dict[str, Any]:
    """Return what judging one model takes, in seconds, and what it asks for and is paid, in wei."""
    from pole.protocol.rounds.judgement import BASIS_POINTS
    from pole.protocol.rounds.rent import judging_time, minimum_reward

    limits, seconds = parameters.task_list, judging_time(terms, parameters.task_list)
    minimum = minimum_reward(terms, limits)
    return {
        "work": terms.work,
        "seconds": seconds,
        "leastReward": str(minimum),
        "verificationFee": str(terms.reward * parameters.chain.verification_fee_bps // BASIS_POINTS),
    }


def document_of(terms: "TaskTerms", parameters: "Parameters", gas_price: int) -> dict[str, Any]:
    """Return what a task costs as JSON shows it, in wei."""
    from pole.protocol.rounds.rent import payment, rent

    return {
        "reward": str(terms.reward),
        "fee": str(terms.fee),
        "dataBond": str(terms.data_bond),
        "rent": str(rent(terms.reward, parameters.task_list)),
        "payment": str(payment(terms, parameters.task_list)),
        "judging": judging_document(terms, parameters),
        "gas": OWNER_GAS,
        "gasPrice": str(gas_price),
    }


def agree_to(
    request: "TaskRequest", parameters: "Parameters", gas_price: int, *, yes: bool, dry_run: bool
) -> bool:
    """Show on standard error what a request costs, ask whether to pay it, and return whether to go on.

    Each required accuracy that looks like a mistake is asked about by itself. Raises PoleError where the
    answer is no.
    """
    from pole.roles.publishing.thresholds import doubts_about

    for line in lines_of(request.terms, parameters, gas_price):
        click.echo(line, err=True)
    doubts = doubts_about(request)
    if yes or dry_run:
        for doubt in doubts:
            print_line(f"warning: {doubt}", err=True)
        return not dry_run
    for question in (*(f"{doubt} Is that meant?" for doubt in doubts), "Post the task and pay?"):
        if not click.confirm(question, err=True):
            raise PoleError("Not posted: nothing was published or sent.")
    return True


def _about(wei: int) -> str:
    """Return an amount in ether with four digits that count."""
    return f"about {float(f'{wei / 10**18:.4g}'):f}".rstrip("0").rstrip(".") + " ETH"
