"""Buy a model from Python: python examples/buying.py KNOWN.csv TARGET NEW.csv.

A data node of the wallet data-1 runs beside it (`pole data-node run --wallet data-1`), and miners and
verifiers somewhere. POLE_PASSWORD_FILE names the file with the wallet's password.
"""

import sys

import pole

known, target, new = sys.argv[1:]
data = pole.prepare(known, target=target)
specification = pole.suggest(data, seconds=5)
advice = pole.try_out(data, specification, seeds=2, seconds=10).advice

network = pole.connect()
task = network.post(
    data,
    specification,
    network.wallet("data-1"),
    reward="1 ether",
    time_limit=advice.time_limit,
    train_accuracy=advice.train_accuracy,
    min_solutions=2,
)
for event in network.watch(task):
    print(event)

model = network.get(task)
print(f"{model.folder} says of new rows: {', '.join(map(str, model.predict(new)))}")
