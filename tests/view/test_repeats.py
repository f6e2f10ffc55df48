"""What repeats becomes one box with a count, and equal scopes say that they are equal."""

from __future__ import annotations

from benchmarks.support.node_tables import layered, plain
from inspector.view.state.initial_view import start
from inspector.view.state.visible import view
from inspector.view.tree.hierarchy import Hierarchy, build
from tests.view.graphs import table

BODY = ("Einsum", "AddV2", "LayerNorm", "MatMul", "Gelu")


def repeated(times: int, *, names: str = "n{}") -> Hierarchy:
    """A block without scopes, so many times in a row, each with a way around it."""
    ops, inputs = ["Placeholder"], [[]]
    for _ in range(times):
        top = len(ops) - 1
        for number, op in enumerate(BODY):
            inputs.append([len(ops) - 1, top] if number == len(BODY) - 1 else [len(ops) - 1])
            ops.append(op)
    return build(plain([names.format(n) for n in range(len(ops))], ops, inputs))


def test_blocks_without_names_are_found_by_what_repeats():
    tree = repeated(12)
    blocks = [~item for item in tree.children[0] if item < 0]
    assert len(blocks) == 12
    for scope in blocks:
        assert [tree.table.op_of(item) for item in tree.children[scope]] == list(BODY)


def test_a_long_run_of_equal_blocks_is_a_few_equal_boxes_with_counts():
    tree = repeated(500)
    pieces = [box for box in view(tree, frozenset()).boxes if box.scope]
    counts = [int(box.sub.split()[0]) for box in pieces]
    assert sum(counts) == 500
    assert len(pieces) <= 14
    assert len(set(counts[:-1])) == 1
    assert pieces[0].sub.startswith(f"{counts[0]} equal blocks · {5 * counts[0]:,} ops")


def test_numbered_blocks_are_counted_by_their_name():
    names = ["x", *(f"layer_{n}/{op}" for n in range(30) for op in "uv"), "y"]
    ops = ["Placeholder", *(op for n in range(30) for op in ("MatMul", "Relu")), "Tanh"]
    tree = build(plain(names, ops, [[], *([n] for n in range(len(names) - 1))]))
    scope = next(scope for scope in tree.order if tree.notes.get(scope))
    assert (tree.labels[scope], tree.notes[scope]) == ("layer_0 … layer_29", "30 × layer")


def test_a_chain_of_one_op_is_counted_by_the_op():
    names = [f"n{n}" for n in range(40)]
    ops = ["Placeholder"] + ["Relu"] * 39
    tree = build(plain(names, ops, [[], *([n] for n in range(39))]))
    notes = [tree.notes[~item] for item in tree.children[0] if item < 0]
    assert all(note.endswith(" × Relu") for note in notes)
    assert sum(int(note.split()[0]) for note in notes) == 39


def test_closed_scopes_of_equal_structure_share_a_letter_and_the_open_example_has_it():
    tree = repeated(12)
    picture = view(tree, start(tree, 25))
    closed = [box.same for box in picture.boxes if box.scope]
    assert closed == ["A"] * 11
    assert [cluster.same for cluster in picture.clusters] == ["A"]


def test_scopes_of_the_same_ops_that_are_wired_otherwise_are_not_called_equal():
    names = ["x", "a/p", "a/q", "a/r", "b/p", "b/q", "b/r"]
    ops = ["Placeholder", "Relu", "Tanh", "AddV2", "Relu", "Tanh", "AddV2"]
    same = build(plain(names, ops, [[], [0], [1], [1, 2], [3], [4], [4, 5]]))
    assert [box.same for box in view(same, frozenset()).boxes if box.scope] == ["A", "A"]
    other = build(plain(names, ops, [[], [0], [1], [1, 2], [3], [4], [5, 5]]))
    assert [box.same for box in view(other, frozenset()).boxes if box.scope] == ["", ""]


def test_a_hundred_thousand_nodes_without_names_show_what_they_are_made_of():
    tree = build(layered(2000, scoped=False))
    picture = view(tree, start(tree))
    assert len(picture.boxes) <= 60
    assert {"Conv2D", "FusedBatchNormV3", "Relu", "AddV2"} <= {box.op for box in picture.boxes}


def test_notes_survive_json():
    tree = repeated(100)
    assert Hierarchy.from_json(tree.table, tree.to_json()).notes == {
        tree.order.index(scope): note for scope, note in tree.notes.items()
    }


def test_gradients_and_updates_are_set_apart_even_where_nothing_reads_them():
    found = table(
        """
        x = Placeholder()
        w = VariableV2()
        y = MatMul(x, w)
        loss = Mean(y, y)
        gradients/loss_grad/Fill = Fill(loss, loss)
        gradients/y_grad/MatMul = MatMul(gradients/loss_grad/Fill, w)
        gradients/y_grad/MatMul_1 = MatMul(x, gradients/loss_grad/Fill)
        gradients/y_grad/dead_end = Identity(gradients/y_grad/MatMul)
        update = ApplyGradientDescent(w, gradients/y_grad/MatMul_1)
        train = NoOp(^update)
        """
    )
    tree = build(found)
    titles = [tree.title(item) for item in tree.children[0]]
    assert titles == ["x", "y", "loss", "gradients and updates"]


def test_gradients_that_a_fetch_asks_for_are_drawn():
    tree = build(
        table(
            "x = Placeholder()\ny = Relu(x)\ngradients/g = ReluGrad(y, y)", fetches=["gradients/g"]
        )
    )
    assert not any(tree.kinds[scope] == "plumbing" for scope in tree.order)


def stages(*counts: int):
    """Stages of so many equal blocks of ten ops, in scopes by name, with a weight in each."""
    names, ops, inputs = ["x"], ["Placeholder"], [[]]
    weights = {}
    last = 0
    for stage, count in enumerate(counts):
        for block in range(count):
            path = f"stage_{stage}/block_{block}"
            weights[len(names)] = (100, 400)
            names.append(f"{path}/w")
            ops.append("Const")
            inputs.append([])
            for number in range(10):
                names.append(f"{path}/n{number}")
                ops.append(("Conv2D", "Relu", "AddV2")[number % 3])
                inputs.append([last, len(names) - 2] if number == 0 else [last])
                last = len(names) - 1
    return build(plain(names, ops, inputs, weights=weights))


def test_a_scope_of_many_equal_ones_says_how_many_and_is_closed_where_one_is_seen_elsewhere():
    tree = stages(3, 12, 20)
    picture = view(tree, start(tree))
    said = {box.title: box.sub for box in picture.boxes if box.scope}
    assert said["stage_1"].startswith("12 × block · ")
    assert said["stage_2"].startswith("20 × block · ")
    opened = {cluster.name for cluster in picture.clusters}
    assert opened == {"stage_0/", "stage_0/block_0/"}


def test_of_many_equal_ones_alone_one_is_open():
    tree = stages(12)
    picture = view(tree, start(tree))
    assert {"block_0"} <= {cluster.title for cluster in picture.clusters}
    assert sum(box.title.startswith("block_") for box in picture.boxes) == 11


def test_three_equal_scopes_that_would_fill_the_picture_show_one():
    tree = stages(5)
    for budget, many in ((60, 1), (300, 5)):
        clusters = view(tree, start(tree, budget)).clusters
        assert sum(cluster.title.startswith("block_") for cluster in clusters) == many


def test_what_a_batch_norm_became_is_not_opened_by_itself():
    names = ["x", "w", "conv", "g", "bn/mul", "b", "bn/add", *(f"r{n}" for n in range(6))]
    ops = ["Placeholder", "Const", "Conv2D", "Const", "Mul", "Const", "AddV2", *["Relu"] * 6]
    inputs = [[], [], [0, 1], [], [2, 3], [], [4, 5], *([n] for n in range(6, 12))]
    weights = dict.fromkeys((1, 3, 5), (100, 400))
    tree = build(plain(names, ops, inputs, weights=weights))
    picture = view(tree, start(tree))
    assert [box.title for box in picture.boxes][:4] == ["x", "conv", "bn", "r0"]
    assert picture.boxes[2].sub == "2 ops · [None, 8] · 800 B"
