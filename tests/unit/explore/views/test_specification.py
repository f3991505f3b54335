"""A task's page draws the network that its specification asks for, of any form and depth."""

import json
import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.explore.networks import convolutional, dense, every_network, network, plain, residual

from pole.errors import InputError
from pole.explore.server.rendering import environment
from pole.explore.views.tasks.drawing import (
    BOX,
    FIRST_LAYERS,
    LAST_LAYERS,
    MAX_LANES,
    WIDTH,
    LayerDrawing,
    drawn_layers,
)
from pole.explore.views.tasks.specification import FEATURES, read_view, view_of
from pole.protocol.models.graph import count_parameters
from pole.protocol.models.specification import MAX_LAYERS, ModelSpecification

SVG = "{http://www.w3.org/2000/svg}"
LINK = re.compile(r"M(\d+) (\d+)H(\d+)V(\d+)H(\d+)")
NETWORKS = every_network()


def drawing_of(specification: ModelSpecification) -> LayerDrawing:
    return drawn_layers(view_of(specification))


def svg_of(drawing: LayerDrawing) -> ElementTree.Element:
    macro = getattr(environment().get_template("drawings.html").module, "layers")  # noqa: B009
    return ElementTree.fromstring(macro(drawing))  # noqa: S314 - our own template


@pytest.mark.parametrize("name", NETWORKS)
def test_a_specification_is_shown_with_every_layer(name: str) -> None:
    specification = NETWORKS[name]
    view, nodes = read_view(specification.canonical_bytes()), specification.nodes()
    assert [(each.name, each.op, each.makes) for each in view.layers] == [
        (node.layer.name, node.layer.op, node.shape) for node in nodes
    ]
    assert sum(each.parameters for each in view.layers) == view.parameters == count_parameters(nodes)
    assert view.mapping.functions <= view.mapping.dimension
    known = {FEATURES}
    for layer in view.layers:
        assert set(layer.reads) <= known
        known.add(layer.name)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_drawing_is_whole_and_of_a_bounded_size(name: str) -> None:
    drawing = drawing_of(NETWORKS[name])
    assert len(drawing.boxes) <= FIRST_LAYERS + LAST_LAYERS + 4
    assert [box.top for box in drawing.boxes] == sorted({box.top for box in drawing.boxes})
    assert drawing.boxes[-1].top + BOX < drawing.height
    assert WIDTH - LANE_ROOM <= drawing.box_width < WIDTH
    figure = svg_of(drawing)
    assert figure.tag == "figure"
    ids = {each.get("id") for each in figure.iter() if each.get("id")}
    assert set((figure.find("svg") or figure).get("aria-labelledby", "").split()) <= ids
    assert not [each for each in figure.iter() if each.get("style")]


LANE_ROOM = 10 * MAX_LANES + 10


def test_names_shapes_and_parameters_are_in_the_drawing() -> None:
    said = " ".join(svg_of(drawing_of(convolutional())).itertext())
    for wanted in ("conv", "Conv2d", "16 × 12 × 12", "1,744 parameters", "10 classes", "3 × 12 × 12"):
        assert wanted in said


def test_a_link_that_skips_layers_is_drawn_beside_them() -> None:
    drawing = drawing_of(residual(2))
    starts = [tuple(map(int, found)) for path in drawing.paths for found in LINK.findall(path)]
    assert len(starts) == 2
    names = {box.title: box for box in drawing.boxes}
    for n, (_, start, _, end, _) in enumerate(starts):
        source, reader = names["first" if n == 0 else f"sum{n - 1}"], names[f"sum{n}"]
        assert source.top < start < source.top + BOX
        assert reader.top < end < reader.top + BOX


@given(blocks=st.integers(1, 60), depth=st.integers(1, 9), deep=st.booleans())
@settings(max_examples=30, deadline=None)
def test_no_two_links_share_a_place(blocks: int, depth: int, deep: bool) -> None:
    drawing = drawing_of(residual(blocks) if deep else dense(depth))
    spans: dict[int, dict[int, int]] = {}
    for path in drawing.paths:
        _, start, lane, end, _ = map(int, LINK.findall(path)[0])
        lanes = spans.setdefault(lane, {})
        lanes[start] = max(end, lanes.get(start, 0))
    assert len(spans) <= MAX_LANES
    for lanes in spans.values():
        ordered = sorted(lanes.items())
        assert all(end < start for (_, end), (start, _) in pairwise(ordered))


def test_the_middle_of_a_deep_network_is_left_out_of_its_drawing_alone() -> None:
    view = view_of(plain())
    assert len(view.layers) == MAX_LAYERS
    drawing = drawn_layers(view)
    (gap,) = [box for box in drawing.boxes if box.skipped]
    assert gap.title == f"{MAX_LAYERS - FIRST_LAYERS - LAST_LAYERS} layers"
    assert drawing.boxes[-2].title == "logits"
    assert drawing.height < 2_000


def test_links_without_room_are_counted() -> None:
    layers = [{"name": f"layer{n}", "op": "ReLU", "inputs": ["input"]} for n in range(12)]
    joined = {"name": "joined", "op": "Concat", "inputs": [each["name"] for each in layers]}
    drawing = drawing_of(network(*layers, joined))
    assert drawing.left_out == 12 - MAX_LANES
    assert f"{drawing.left_out} more links" in " ".join(svg_of(drawing).itertext())


@pytest.mark.parametrize(
    ("specification", "by_rank"),
    [
        (network(), False),
        (network(queries=15), True),
        (convolutional(), True),
        (network(queries=15, noise=3), False),
    ],
)
def test_a_layer_that_gives_everything_away_says_so(specification: ModelSpecification, by_rank: bool) -> None:
    assert view_of(specification).mapping.by_rank is by_rank


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"null",
        b"[" * 60_000,
        b'{"version": 1}',
        b"\xff" * 100,
        json.dumps(json.loads(network().canonical_bytes())).encode(),
        network().canonical_bytes().replace(b'"logits"', b'"<script>"'),
        b" " * 70_000,
    ],
)
def test_what_is_no_specification_is_refused(document: bytes) -> None:
    with pytest.raises(InputError):
        read_view(document)


def test_the_examples_are_among_the_networks() -> None:
    assert {file.stem for file in Path("examples").glob("*.json")} <= NETWORKS.keys()
