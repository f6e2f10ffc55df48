"""The release that a GraphDef's version means: as files of the releases say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from inspector.analysis.describe import describe
from inspector.api import open_model
from inspector.cli.main import cli
from inspector.formats.releases import CONSUMER, release_of
from inspector.model.model import Model
from tests.conftest import data_path
from tests.graphs import graph, placeholder

DOWNGRADE = data_path("field/f17_graph_version_and_defaults/downgrade.pb")
MODELS = Path(__file__).parents[1] / "models"

# Read in models that these releases wrote, which say both.
MEASURED = [
    (21, "1.0"), (24, "1.2"), (26, "1.9"), (26, "1.10"), (27, "1.11"), (27, "1.12"), (27, "1.13"),
    (134, "1.15"), (119, "2.0"), (440, "2.3"), (561, "2.4"), (1286, "2.11"), (1395, "2.12"),
    (1645, "2.15"), (2474, "2.21"),
]  # fmt: skip


@pytest.mark.parametrize(("producer", "release"), MEASURED)
def test_the_version_of_each_release_means_it(producer: int, release: str) -> None:
    first, _, last = release_of(producer).partition(" to ")
    numbers = [tuple(map(int, text.split("."))) for text in (first, release, last or first)]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("name", ["tf110", "tf115", "tf215", "tf24", "tf221"])
def test_the_models_of_each_release_say_so(name: str) -> None:
    path = next(file for file in sorted((MODELS / name).iterdir()) if file.is_dir())
    model = open_model(path)
    release = release_of(model.outline.versions.producer)
    major, minor = model.producer.split(".")[:2]
    assert release in (f"{major}.{minor}", "1.5 to 1.10")


def test_what_states_no_version_and_what_is_newer() -> None:
    assert release_of(0) == release_of(-5) == ""
    assert release_of(1) == "before 1.0"
    assert release_of(99_999) == "newer than 2.21"


def test_every_version_up_to_now_has_a_release_and_they_ascend() -> None:
    releases = list(dict.fromkeys(map(release_of, range(1, CONSUMER + 1))))
    assert len(releases) == 31
    assert releases[-1] == "2.21"


def test_describe_tells_the_versions_and_the_release() -> None:
    facts = describe(open_model(DOWNGRADE)).to_dict()
    assert facts["versions"] == {"producer": 2474, "min_consumer": 0}
    assert facts["producer"] == "2.21"
    text = CliRunner().invoke(cli, ["describe", str(DOWNGRADE)]).stdout
    assert "written by TensorFlow 2.21" in text
    assert re.search(r"^versions +producer 2474$", text, re.MULTILINE)
    assert "min_consumer" not in text


def test_what_the_file_says_of_its_release_comes_first() -> None:
    model = Model("SavedModel", "m", graph(placeholder("x", [2]), producer=1090))
    assert describe(model).producer == "2.9"
    model.producer = "2.10.0"
    assert describe(model).producer == "2.10.0"


@pytest.mark.parametrize(
    ("least", "bad", "text"),
    [
        (12, [], "producer 30, min_consumer 12"),
        (12, [13, 14], "producer 30, min_consumer 12, bad_consumers 13, 14"),
        (0, [13], "producer 30, bad_consumers 13"),
    ],
)
def test_readers_that_are_excluded_are_told(
    least: int, bad: list[int], text: str, tmp_path: Path
) -> None:
    proto = graph(placeholder("x", [2]), producer=30).to_proto()
    proto.versions.min_consumer = least
    proto.versions.bad_consumers.extend(bad)
    (tmp_path / "m.pb").write_bytes(proto.SerializeToString())
    assert f"{text}\n" in CliRunner().invoke(cli, ["describe", str(tmp_path / "m.pb")]).stdout
    assert describe(open_model(tmp_path / "m.pb")).to_dict()["warnings"] == []


@pytest.mark.tensorflow
@pytest.mark.parametrize(("least", "bad"), [(CONSUMER + 1, []), (0, [CONSUMER])])
def test_tensorflow_refuses_what_we_say_it_refuses(least: int, bad: list[int]) -> None:
    import tensorflow as tf

    assert tf.version.GRAPH_DEF_VERSION == CONSUMER
    made = graph(placeholder("x", [2]), producer=30).to_proto()
    made.versions.min_consumer = least
    made.versions.bad_consumers.extend(bad)
    (sentence,) = describe(Model("GraphDef", "m", graph().of(made))).warnings
    assert sentence.startswith("TensorFlow 2.21, of version 2474, refuses to load this graph: ")
    assert ("as bad" in sentence) == bool(bad)
    proto = tf.compat.v1.GraphDef.FromString(made.SerializeToString())
    with tf.Graph().as_default(), pytest.raises(ValueError, match="GraphDef"):
        tf.graph_util.import_graph_def(proto)
