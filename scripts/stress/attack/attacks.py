"""The attacks: each is played to its end, and returns what everybody must have gained by then."""

from collections.abc import Callable
from dataclasses import dataclass

from scripts.stress.attack import data_nodes, draws, miners, money, verifiers
from scripts.stress.attack.outcomes import Gains
from scripts.stress.attack.world import World


@dataclass(frozen=True, slots=True)
class Attack:
    """What is promised, who breaks it how, and the attack itself."""

    promise: str
    title: str
    mount: Callable[[World], Gains]


MINERS = (
    Attack("A commitment opens for its maker alone.", "send it first", miners.copied_commitment),
    Attack("A model cannot be copied once it is shown.", "commit after a reveal", miners.copied_model),
    Attack("A model is good for one seed.", "copy it from another lane", miners.model_of_another_lane),
    Attack("Who hides its model pays its bond.", "commit, never reveal", miners.hidden_model),
    Attack("A false claim wins nothing and pays its bond.", "claim 100 % for junk", miners.false_claim),
    Attack(
        "A full round of lies costs more than the reward.", "take all places, falsely", miners.false_claims
    ),
    Attack("Every false claim pays its bond.", "show one model in all wallets", miners.one_model_for_all),
    Attack("A true claim wins for its model.", "be earlier with a lie about it", miners.same_model_first),
    Attack("A low claim keeps nobody out.", "take all places, truly", miners.low_claims),
    Attack("Who ends training by a lie pays for the round.", "claim the threshold", miners.false_door),
    Attack("A commitment is good for one round.", "send an old one again", miners.old_solution),
    Attack("Lanes share no commitments.", "reveal what another lane has", miners.in_two_lanes),
    Attack("Equal models count once.", "be one's own ommer", miners.equal_ommer),
    Attack("An ommer is never paid beyond its block's fee.", "change one bit of it", miners.sibling_ommer),
    Attack("A displaced miner has its bond once.", "withdraw and commit again", miners.refunds_again),
)
DATA_NODES = (
    Attack("Keys that never come cost the data node alone.", "issue none", data_nodes.no_keys),
    Attack("Miners are paid without the test set.", "offer another, then none", data_nodes.no_test_set),
    Attack("The pool gains by every block it pays for.", "win one's own tasks", data_nodes.own_task),
    Attack(
        "A round that nobody works on ends soon.",
        "garbage keys for the longest time",
        data_nodes.longest_of_nothing,
    ),
    Attack(
        "Every second of a lane is paid for.",
        "one's own tasks for the longest time",
        data_nodes.longest_of_ones_own,
    ),
    Attack(
        "Holding all lanes costs a part of what waits.",
        "faulty data for the longest time",
        data_nodes.longest_of_faulty_data,
    ),
    Attack("Who comes first pays for it.", "outbid, with garbage keys", data_nodes.outbidding),
    Attack("Judging is bounded, declared and paid.", "3e14 multiplications", data_nodes.heavy_work),
    Attack("Windows grow with the work.", "a quarter of an hour a model", data_nodes.time_for_work),
    Attack("Models are not had for a missed threshold.", "a test nobody passes", data_nodes.missed_threshold),
    Attack("Nobody is slashed for data that was not there.", "serve it late", data_nodes.served_data),
    Attack("No idle round while a task waits.", "idle rounds in every lane", data_nodes.idle_ahead),
    Attack("Rent ends with the duration.", "close nothing", data_nodes.unclosed),
)
VERIFIERS = (
    Attack("A verifier has to look for itself.", "copy a vote's commitment", verifiers.lazy_verifier),
    Attack("A vote is good for one committee.", "send it to another lane's", verifiers.votes_of_another_lane),
    Attack("A vote that is shown is lost.", "sell it to an informer", verifiers.sold_vote),
    Attack("Who informs on itself loses.", "leak in all lanes", verifiers.leaks_in_all_lanes),
    Attack("A larger committee overturns a bought one.", "buy the first one", verifiers.captured_committee),
    Attack("Nobody uses challenges up.", "challenge one's own lie, leave", verifiers.own_challenge),
    Attack("A veto is overruled at a stated price.", "abstain on the best", verifiers.vetoed_model),
    Attack("A false absence is overruled at that price.", "see no model", verifiers.false_absence),
    Attack("A lie does not outlast a third's silence.", "buy one, then abstain", verifiers.silent_third),
    Attack("A truth is overruled by a truth alone.", "challenge, then abstain", verifiers.overruled_truth),
    Attack("Data withdrawn undo no truth.", "challenge, then withdraw", verifiers.withdrawn_data),
    Attack("Availability slashes nobody.", "serve a model late", verifiers.served_late),
    Attack(
        "Who could not have a model loses a strike.", "serve it to four of five", verifiers.served_to_a_quorum
    ),
    Attack("Who alone could have it loses nothing.", "serve it to one of five", verifiers.served_to_one),
    Attack("Who always abstains loses its seat, no stake.", "never look", verifiers.always_abstaining),
    Attack("A majority without quorum takes no stake.", "lie by three of five", verifiers.unseated_truth),
)
DRAWS = (
    Attack("Seats of an open round are old.", "stake twenty, then open", draws.late_seats),
    Attack("Nobody chooses the draw.", "arm with the last reveal", draws.chosen_draw),
    Attack("Nobody tries seeds.", "post, cancel, open", draws.ground_seed),
    Attack("A stake stays until its rounds are over.", "be drawn, leave, reclaim", draws.stake_and_run),
    Attack("Seats of an open round do not move.", "leave and stake again", draws.shuffled_seats),
    Attack("With too few seats everything returns.", "mine with one's seats", draws.barred_seats),
    Attack("A challenge that cannot be judged returns.", "leave no seats to grow", draws.dropped_challenge),
    Attack("Anybody draws a seed.", "open and leave", draws.seedless),
)
MONEY = (
    Attack("A chain that stood still takes nobody's bond.", "no block for 90 minutes", money.standstill),
    Attack("Nor does it where no test set came.", "end the wait, no block", money.standstill_untested),
    Attack("Every round ends.", "all leave after the reveals", money.nobody_comes_back),
    Attack("Money moves for its owner alone.", "ask for that of others", money.theft),
    Attack("No recipient and no gift stops a round.", "refuse, force ether", money.refused_and_forced),
    Attack("A flood costs the flooder alone.", "post, stake, commit again", money.spam),
    Attack("A brief task comes before no better one.", "tasks of a second", money.jumped_queue),
    Attack("A full list admits a better task.", "fill the list", money.held_list),
)
ATTACKS = (*MINERS, *DATA_NODES, *VERIFIERS, *DRAWS, *MONEY)
