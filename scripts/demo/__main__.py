"""Run the main job and tell its story: `make demo`, or `.venv/bin/python -m scripts.demo --help`."""

import os
import signal
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NoReturn

import click
from rich.console import Console
from scripts.demo import penguins
from scripts.demo.network import REPOSITORY, pole, prepare_ground, usual_port, usual_ports
from scripts.demo.pages import PORT, Pages, show_pages
from scripts.demo.play import PlayError, rounds_ended
from scripts.demo.report import Outcome, as_json, read_outcome, show_blocks, show_money
from scripts.demo.setting import Setting, set_up
from scripts.demo.story import Story
from scripts.demo.tasks import choose_tasks, post_tasks

from pole.adapters.ethereum.chain_log import read_chain_log
from pole.errors import PoleError
from pole.quoting import one_line

CAST: Final = {"data_nodes": 2, "miners": 3, "verifiers": 5}
FOLDER: Final = REPOSITORY / "build" / "demo"
NARROWEST: Final = 130
ROUND_PATIENCE: Final = 300.0
WITHDRAWAL_PATIENCE: Final = 60.0
PAGES_PATIENCE: Final = 30.0


@click.command(epilog="Example: python -m scripts.demo --rounds 4 --json build/demo.json")
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="Rounds to play.")
@click.option("--quick", is_flag=True, help="One round only, penguins.")
@click.option("--keep", is_flag=True, help="Leave the chain, IPFS and the pages running at the end.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Write the outcome to this file, too."
)
def main(*, rounds: int, quick: bool, keep: bool, json_file: Path | None) -> None:
    """Play real rounds among 2 data nodes, 3 miners and 5 verifiers, each a process of its own.

    They share nothing but an Ethereum chain (ganache) and an IPFS daemon, which are started here. Two rounds
    are open side by side, each in a lane of its own. At the end
    the model of the first round, of a table, predicts rows that it has not seen. The exit code is 0 only if
    every round ended in a block, the whole chain verifies, the winners have their money, and the model that
    was bought predicts.
    """
    console = Console() if sys.stdout.isatty() else Console(width=NARROWEST)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        outcome = _perform(Story(console), console, 1 if quick else rounds, keep=keep)
    except KeyboardInterrupt:
        console.print("Interrupted; what was started is stopped.")
        sys.exit(130)
    except PoleError as error:
        for line in f"error: {error}".splitlines():
            console.print(one_line(line), style="red", markup=False)
        sys.exit(error.exit_code)
    if json_file is not None:
        json_file.write_text(outcome)


def _perform(story: Story, console: Console, rounds: int, *, keep: bool) -> str:
    ground = prepare_ground(FOLDER, block_time=1, ports=usual_ports())
    table = penguins.prepare(ground.folder)
    story.report("demo", f"prepared {penguins.TABLE.name} but for {len(table.rows)} rows (pole data prepare)")
    tasks, left_out = choose_tasks(rounds, table.data)
    if left_out:
        story.report("demo", left_out)
    with ExitStack() as at_end:
        setting = set_up(story, ground, at_end, CAST, stays=keep)
        stage = setting.stage
        pages = show_pages(ground, usual_port(PORT), [worker.home for worker in stage.cast])
        stay = f"; `kill {pages.process.pid}` ends them" if keep else ""
        if not keep:
            at_end.callback(pages.end)
        story.report("demo", f"pages of what happens are at {pages.url} (pole explore){stay}")
        titles = {}
        for task, task_id in post_tasks(tasks, stage.of_role("data-node"), ground.place):
            titles[task_id] = task.title
            story.report("demo", f"posted task {task_id}: {task.title}, {task.layer}, for {task.reward} ETH")
        stage.wait_for(
            "the rounds to end",
            lambda: rounds_ended(setting.reader) >= len(tasks),
            patience=ROUND_PATIENCE * len(tasks),
        )
        _await_withdrawals(setting)
        model = _await_model(setting)
        codes = stage.fleet.stop()
        story.report("demo", f"the rounds are over; stopped {len(codes)} workers")
        outcome = _conclude(setting, console, titles, codes)
        _await_pages(pages, setting)
        _use(setting, console, table, model)
        seconds = setting.stage.story.seconds
        console.print(f"Everything checked out, in {seconds:.0f} s.", style="bold green", highlight=False)
        return outcome


def _await_pages(pages: Pages, setting: Setting) -> None:
    newest = read_chain_log(setting.reader).blocks[-1].header.height
    setting.stage.wait_for(
        f"the pages to show block {newest}", lambda: pages.newest_height() == newest, patience=PAGES_PATIENCE
    )


def _use(setting: Setting, console: Console, table: penguins.Prepared, model: Mapping[str, object]) -> None:
    """Predict new rows by the model that the first data node bought; raises PlayError where it is no good."""
    buyer = setting.stage.of_role("data-node")[0]
    console.print(f"The model of task 1 is in {model['folder']}.", highlight=False)
    found = penguins.show_predictions(console, table, 1, buyer, setting.ground.place)
    right = sum(predicted == truth for predicted, truth in found)
    console.print(f"{right} of {len(found)} new penguins are as predicted.", highlight=False)
    if right < len(found) / 2:
        raise PlayError(f"The model that was bought is right of {right} new rows of {len(found)} only.")


def _await_model(setting: Setting) -> Mapping[str, object]:
    """Return what the first data node's folder knows of the model that it bought, once that is there."""
    buyer, found = setting.stage.of_role("data-node")[0], []

    def fetched() -> bool:
        model = penguins.model_of(1, buyer, setting.ground.place)
        found.extend([] if model is None else [model])
        return bool(found)

    setting.stage.wait_for("the buyer to fetch its model", fetched, patience=WITHDRAWAL_PATIENCE)
    return found[0]


def _await_withdrawals(setting: Setting) -> None:
    def fetched() -> bool:
        return not any(setting.reader.credit_of(address) for address in setting.names)

    setting.stage.wait_for("everybody to withdraw", fetched, patience=WITHDRAWAL_PATIENCE)


def _conclude(setting: Setting, console: Console, titles: Mapping[int, str], codes: Mapping[str, int]) -> str:
    """Show the outcome and check it; return it as JSON. Raises PoleError where it does not check out."""
    outcome = read_outcome(setting.reader, read_chain_log(setting.reader))
    show_blocks(console, outcome, setting.names, titles)
    show_money(console, outcome, setting.names)
    environment = dict(os.environ) | {
        "POLE_RPC": setting.ground.place.rpc,
        "POLE_DEPLOYMENT": str(setting.ground.place.deployment),
    }
    console.print("$ pole chain verify", style="bold")
    verified = pole(["chain", "verify"], environment).strip()
    console.print(verified, highlight=False)
    newest = outcome.log.blocks[-1].header.height if outcome.log.blocks else 0
    proof = setting.ground.folder / "proof.json"
    console.print(f"$ pole chain prove {newest} 0 --out {proof.name}", style="bold")
    pole(["chain", "prove", str(newest), "0", "--out", str(proof)], environment)
    console.print(
        f"Record 0 of block {newest} is proven by {proof.stat().st_size} bytes of JSON.", highlight=False
    )
    _require_sound(outcome, setting, codes, len(titles))
    seconds = round(setting.stage.story.seconds, 1)
    return as_json(outcome, setting.names, {"seconds": seconds, "verified": verified})


def _require_sound(outcome: Outcome, setting: Setting, codes: Mapping[str, int], tasks: int) -> None:
    if len(outcome.log.blocks) != tasks or outcome.log.void_rounds:
        raise PlayError(f"{tasks} tasks were posted, but {len(outcome.log.blocks)} blocks came out.")
    failed = {name: code for name, code in codes.items() if code}
    if failed:
        raise PlayError(
            f"Workers ended with exit codes {failed}; the logs are in {setting.stage.fleet.logs}."
        )
    for block in outcome.log.blocks:
        winner = block.header.winner
        if outcome.withdrawn.get(winner, 0) < block.winner_reward:
            raise PlayError(
                f"{setting.names[winner]} won block {block.header.height} but has not got its reward."
            )


def _interrupt(number: int, _: object) -> NoReturn:
    # A second signal must not interrupt the clean-up.
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
