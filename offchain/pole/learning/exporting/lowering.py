"""From a trained model to a program: samples or rows in, logits and labels out."""

import numpy as np

from pole.learning.data.preparation import TableSource
from pole.learning.data.quantisation import Quantisation
from pole.learning.evaluation.canonical import CanonicalModel
from pole.learning.exporting.head import rows_to_samples
from pole.learning.exporting.network import network
from pole.learning.exporting.program import FLOAT, TEXT, WHOLE, Builder, Port, Program
from pole.learning.exporting.trained_model import TrainedModel
from pole.protocol.mapping.kinds import ConvMapping
from pole.protocol.mapping.layer import data_plan, feature_shape
from pole.protocol.models.metrics import LOGIT_ONE, TARGET_RANGE, AbsoluteError

SAMPLES = "samples"
LOGITS = "logits"
LABEL = "label"
LABEL_NAME = "label_name"
VALUE = "value"
OUTPUTS = frozenset({LOGITS, LABEL, LABEL_NAME, VALUE})


def of_samples(trained: TrainedModel) -> Program:
    """Return the program of samples (n, *input_shape) in float64: what a preparation makes of rows."""
    build = Builder()
    shape = trained.model.specification.input.shape
    outputs = answers(build, trained, SAMPLES)
    return Program((Port(SAMPLES, FLOAT, shape),), build.constants, tuple(build.steps), outputs)


def of_rows(trained: TrainedModel) -> Program:
    """Return the program of rows: its head is the preparation, without one it is that of samples."""
    if trained.preparation is None:
        return of_samples(trained)
    build = Builder()
    inputs, samples = rows_to_samples(build, trained.preparation, OUTPUTS)
    outputs = answers(build, trained, samples)
    return Program(inputs, build.constants, tuple(build.steps), outputs)


def without_texts(trained: TrainedModel) -> Program:
    """Return the program of rows without texts, for what knows none: of samples where rows are a table's."""
    is_table = trained.preparation is not None and isinstance(trained.preparation.source, TableSource)
    whole = of_samples(trained) if is_table and not _is_encoded(trained) else of_rows(trained)
    gone = {name for name, value in whole.constants.items() if value.dtype.kind == "U"}
    constants = {name: value for name, value in whole.constants.items() if name not in gone}
    steps = []
    for step in whole.steps:
        if gone.intersection(step.inputs):
            gone.add(step.output)
        else:
            steps.append(step)
    outputs = tuple(port for port in whole.outputs if port.type != TEXT)
    return Program(whole.inputs, constants, tuple(steps), outputs)


def _is_encoded(trained: TrainedModel) -> bool:
    return trained.preparation is not None and trained.preparation.encoder is not None


def answers(build: Builder, trained: TrainedModel, samples: str) -> tuple[Port, ...]:
    """Add the steps from samples to logits, labels and what labels stand for; return the outputs."""
    found = network(build, trained.model, _features(build, trained, samples))
    build.name(build.apply("Cast", found, to=WHOLE), LOGITS)
    label = _label(build, trained.model, found)
    build.name(label, LABEL)
    outputs = (Port(LOGITS, WHOLE, (trained.model.specification.outputs,)), Port(LABEL, WHOLE, ()))
    return (*outputs, _meaning(build, trained, label))


def _features(build: Builder, trained: TrainedModel, samples: str) -> str:
    """Return features (n, *feature_shape): quantised samples, window by window, times the query vectors."""
    model = trained.model
    specification, mapping = model.specification, model.specification.mapping
    plan = data_plan(specification, model.seed)
    values = _quantised(build, trained.quantisation, samples, specification.dimension)
    windows = plan.windows.astype(np.int64)
    if windows.min() < 0:
        values = build.padded(values, 2, 0)
        windows = np.where(windows < 0, specification.dimension, windows)
    vectors = build.constant(plan.vectors.astype(np.float64).T.copy(), "query_vectors")
    products = build.apply("MatMul", build.gathered(values, windows, axis=1), vectors)
    if trained.noise_shift:
        products = build.added(products, trained.noise_shift)
    shape = feature_shape(specification)
    if not isinstance(mapping, ConvMapping):
        return build.reshaped(products, *shape)
    channels = shape[0] // mapping.queries
    by_position = build.reshaped(products, channels, len(windows) // channels, mapping.queries)
    return build.reshaped(build.apply("Transpose", by_position, perm=(0, 1, 3, 2)), *shape)


def _quantised(build: Builder, quantisation: Quantisation, samples: str, dimension: int) -> str:
    values = build.reshaped(samples, dimension)
    offset = build.constant(np.array(quantisation.offset), "offset")
    steps = build.scaled(build.apply("Sub", values, offset), quantisation.scale, "scale")
    return build.clipped(build.apply("Round", steps), 0, 2**quantisation.bits - 1)


def _label(build: Builder, model: CanonicalModel, found: str) -> str:
    specification = model.specification
    metric, classes = specification.metric, specification.classes
    if metric == "auc":
        first, second = (build.gathered(found, np.array(place), axis=1) for place in (0, 1))
        return build.apply("Cast", build.apply("Greater", second, first), to=WHOLE)
    if isinstance(metric, AbsoluteError):
        span = TARGET_RANGE * LOGIT_ONE
        raised = build.added(build.gathered(found, np.array(0), axis=1), span // 2)
        steps = build.apply("Floor", build.divided(build.scaled(raised, classes), span))
        return build.apply("Cast", build.clipped(steps, 0, classes - 1), to=WHOLE)
    return build.apply("ArgMax", found, axis=1, keepdims=0)


def _meaning(build: Builder, trained: TrainedModel, label: str) -> Port:
    """Add what labels stand for: the value of a regression, else the name of the class."""
    classes = trained.model.specification.classes
    if trained.is_regression:
        values = build.constant(trained.values(np.arange(classes)), "grid")
        build.name(build.apply("Gather", values, label, axis=0), VALUE)
        return Port(VALUE, FLOAT, ())
    names = build.constant(np.array(trained.names()), "names")
    build.name(build.apply("Gather", names, label, axis=0), LABEL_NAME)
    return Port(LABEL_NAME, TEXT, ())
