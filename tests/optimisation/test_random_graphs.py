"""Random graphs, some with dropout and branches, through freeze, checked optimise, save and run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from inspector import formats
from inspector.formats import graphdef, saved_model_writer
from inspector.freezing.freeze import freeze
from inspector.graph.graph import Graph
from inspector.graph.tensors import Array
from inspector.model.model import Model
from inspector.optimisation.optimise import optimise
from inspector.optimisation.optimise_options import CheckOptions, OptimiseOptions
from inspector.optimisation.result import Optimised
from inspector.optimisation.transform_job import run_transforms
from tests.passes.text import graph

COUNT = 300
UNARY = ("Identity", "Relu", "Neg", "Tanh", "StopGradient")
BINARY = ("Add", "AddV2", "Mul", "Sub", "Maximum")
DROPOUT = (
    "{0}s = Shape({1}, out_type=int32) ; {0}r = RandomUniform({0}s, T=int32, dtype=float)"
    " ; {0}g = GreaterEqual({0}r, rate) ; {0}c = Cast({0}g, SrcT=bool, DstT=float)"
    " ; {0}d = RealDiv({1}, keep) ; {0} = Mul({0}d, {0}c)"
)
BRANCH = (
    "{0}w = Switch({1}, training, T=float) ; {0}t = Neg({0}w:1) ; {0}f = Tanh({0}w)"
    " ; {0} = Merge({0}f, {0}t, N=2, T=float)"
)


def random_graph(seed: int, dropout: str = DROPOUT) -> Graph:
    """Ops on float32 (rows, 3); the outputs are ``y`` and ``z``.

    Args:
        dropout: The nodes of a dropout, with ``{0}`` for its name and ``{1}`` for its input.
    """
    rng = np.random.default_rng(seed)
    lines = [
        "x = Placeholder(shape=[-1,3]) ; rate = Const(value=0.5) ; keep = Const(value=0.5)",
        "training = Placeholder(dtype=bool)",
        *(f"k{i} = Const(value=random({shape}))" for i, shape in enumerate(("3", "", "1,3"))),
    ]
    tensors = ["x"]
    for index in range(int(rng.integers(2, 14))):
        name, source = f"n{index}", str(rng.choice(tensors))
        kind = rng.integers(0, 12)
        if kind < 5:
            lines.append(f"{name} = {rng.choice(UNARY)}({source})")
        elif kind < 10:
            other = rng.choice([*tensors, "k0", "k1", "k2"])
            lines.append(f"{name} = {rng.choice(BINARY)}({source}, {other})")
        elif kind == 10:
            lines.append(dropout.format(name, source))
        else:
            lines.append(BRANCH.format(name, source))
        tensors.append(name)
    lines += [f"y = Softsign({tensors[-1]})", f"z = Sigmoid({rng.choice(tensors)})"]
    return graph("\n".join(lines))


def checked(model: Model) -> Optimised:
    """The model after the preset, in this process."""
    from inspector.jobs.tasks.transform import kernels

    options = OptimiseOptions(outputs=("y", "z"), preset="tidy", check=CheckOptions(budget_s=60.0))
    return optimise(
        model,
        options,
        run=lambda job, progress, cancelled: run_transforms(job, kernels(), progress, cancelled),
    )


def values(model: Model, fed: dict[str, Array]) -> dict[str, Array]:
    from inspector.backend.predict import predict

    feeds = {name: array for name, array in fed.items() if name in model.outline}
    return predict(model, feeds, ["y:0", "z:0"]).outputs


def loaded(folder: Path, fed: dict[str, Array]) -> dict[str, Array]:
    """The outputs of a SavedModel that TensorFlow's own loader has read."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default() as imported, v1.Session() as session:
        v1.saved_model.load(session, ["serve"], str(folder))
        names = {op.name for op in imported.get_operations()}
        feeds = {f"{name}:0": array for name, array in fed.items() if name in names}
        found = session.run(["y:0", "z:0"], feeds)
    return dict(zip(("y:0", "z:0"), found, strict=True))


def assert_close(a: dict[str, Array], b: dict[str, Array]) -> None:
    for name, value in a.items():
        np.testing.assert_allclose(b[name], value, rtol=1e-6, atol=1e-7)


@pytest.mark.tensorflow
@pytest.mark.slow
def test_random_graphs_keep_their_values_and_the_check_knows(tmp_path: Path) -> None:
    fed = {
        "x": np.random.default_rng(1).standard_normal((4, 3)).astype(np.float32),
        "training": np.array(False),
    }
    verdicts: Counter[str] = Counter()
    for seed in range(COUNT):
        before = Model("GraphDef", "random", random_graph(seed))
        frozen = freeze(before, ["y", "z"])
        first, again = checked(frozen), checked(frozen)
        statuses = [
            [step.check.status for step in run.steps if step.check] for run in (first, again)
        ]
        assert statuses[0] == statuses[1], f"seed {seed}"
        assert "violated" not in statuses[0], f"seed {seed}"
        verdicts.update(statuses[0])
        is_random = any(node.op == "RandomUniform" for node in frozen.graph)
        assert is_random or "unchecked" not in statuses[0], f"seed {seed}"
        assert not any(node.op == "RandomUniform" for node in first.model.graph)
        after = values(first.model, fed)
        plain = Model("GraphDef", "plain", random_graph(seed, "{0} = Identity({1})"))
        assert_close(values(plain, fed), after)
        folder, file = tmp_path / f"{seed}", tmp_path / f"{seed}.pb"
        folder.mkdir()
        saved_model_writer.write(first.model, folder)
        graphdef.write(first.model, file)
        assert_close(after, loaded(folder, fed))
        assert_close(after, values(formats.open_model(file), fed))
    assert verdicts["equal"] > 4 * verdicts["unchecked"] > 0
