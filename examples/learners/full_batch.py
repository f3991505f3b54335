"""A learner for small tables, which is faster (docs/learners.md).

They need no batches: L-BFGS on all samples at once reaches the goal within seconds.
"""

import torch

import pole


class FullBatch:
    interface = 1

    def train(self, job: pole.TrainingJob) -> None:
        while not job.stop():
            if job.report(self.attempt(job)) >= job.needed:
                return

    def attempt(self, job: pole.TrainingJob) -> torch.nn.Module:
        network = job.network.train()
        optimiser = torch.optim.LBFGS(network.parameters(), max_iter=20, line_search_fn="strong_wolfe")

        def loss() -> torch.Tensor:
            optimiser.zero_grad()
            found = job.loss(network(job.inputs), job.targets)
            found = found + 3e-2 * sum(p.square().sum() for p in network.parameters())
            found.backward()  # type: ignore[no-untyped-call]
            return found

        optimiser.step(loss)  # type: ignore[no-untyped-call]
        return network
