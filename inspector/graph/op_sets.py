"""Sets of op types that several modules ask about; no other module lists their members.

A set that one module alone needs stays there. ``tests/graph/test_op_sets.py`` fails where a module
writes one of these sets out again.
"""

from __future__ import annotations

REQUIRED_PLACEHOLDERS = frozenset({"Placeholder", "PlaceholderV2"})
"""Ops that fail unless a run feeds them."""
PLACEHOLDERS = REQUIRED_PLACEHOLDERS | {"PlaceholderWithDefault"}
"""Ops that stand for a fed value; the one with a default runs without a feed too."""

SPARSE_READERS = {
    **dict.fromkeys(
        (
            *("SparseTensorDenseMatMul", "SparseTensorDenseAdd", "SparseReorder", "SparseAdd"),
            *("SparseFillEmptyRows", "SparseSoftmax", "SparseSlice", "SerializeSparse"),
            *("SparseDenseCwiseAdd", "SparseDenseCwiseMul", "SparseDenseCwiseDiv"),
            *("SparseReduceSum", "SparseReduceMax", "SerializeManySparse"),
        ),
        (0, 2),
    ),
    **dict.fromkeys(("SparseToDense", "SparseReshape"), (0, 1)),
}
"""Ops that read a sparse tensor; which of their inputs are its indices and its shape."""

VARIABLES = frozenset({"VarHandleOp", "VariableV2", "Variable", "AutoReloadVariable"})
"""Ops that hold a variable: `VarHandleOp` gives a resource handle, the others a ref."""
ASSIGNS = frozenset({"Assign", "AssignVariableOp"})
"""Ops that set a variable to a value, whatever it was before."""

SAVES = frozenset({"Save", "SaveSlices", "SaveV2"})
"""Ops that write a checkpoint."""
RESTORES = frozenset({"Restore", "RestoreSlice", "RestoreV2"})
"""Ops that read a checkpoint, whose prefix is input 0."""

TABLES = frozenset(
    {
        "HashTable",
        "HashTableV2",
        "MutableHashTable",
        "MutableHashTableV2",
        "MutableHashTableOfTensors",
        "MutableHashTableOfTensorsV2",
        "MutableDenseHashTable",
        "MutableDenseHashTableV2",
    }
)
"""Ops that create a lookup table and give its handle."""
TABLE_IMPORTS = frozenset({"LookupTableImport", "LookupTableImportV2"})
"""Ops that fill a table from two tensors, its keys and its values."""
TABLE_FILES = frozenset({"InitializeTableFromTextFile", "InitializeTableFromTextFileV2"})
"""Ops that fill a table from a text file, whose name is input 1."""
TABLE_FILLS = (
    TABLE_IMPORTS
    | TABLE_FILES
    | {"InitializeTable", "InitializeTableV2", "InitializeTableFromDataset"}
    | {"LookupTableInsert", "LookupTableInsertV2"}
)
"""Ops that put entries into the table of input 0."""

CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
"""Ops that call the function in their attribute ``f``; an op of a function's name calls it too."""
IFS = frozenset({"If", "StatelessIf"})
CASES = frozenset({"Case", "StatelessCase"})
BRANCHES = IFS | CASES
"""Ops that run one of several functions; input 0 decides which, the rest are its arguments."""
WHILES = frozenset({"While", "StatelessWhile"})

# TensorFlow 1 builds loops and branches from plain nodes; `inspector.graph.control_flow` says what
# lies inside of them.
SWITCHES = frozenset({"Switch", "RefSwitch", "_SwitchN"})
"""Ops that send a value into one of several branches. TensorFlow lowers Case to `_SwitchN`."""
MERGES = frozenset({"Merge", "RefMerge"})
"""Ops that run when one of their data inputs arrives; in a loop, one input is a back edge."""
ENTERS = frozenset({"Enter", "RefEnter"})
EXITS = frozenset({"Exit", "RefExit"})
NEXT_ITERATIONS = frozenset({"NextIteration", "RefNextIteration"})
"""Ops whose value is read in the next iteration: their edges to a Merge alone may close a cycle."""
CONTROL_FLOW = SWITCHES | MERGES | ENTERS | EXITS | NEXT_ITERATIONS | {"LoopCond"}
"""All ops that make up the loops and branches of TensorFlow 1."""

SHAPE_READERS = frozenset({"Shape", "ShapeN", "Rank", "Size"})
"""Ops whose result depends on the shapes of their inputs, and not on the values."""
EXAMPLE_PARSERS = frozenset({"ParseExample", "ParseExampleV2", "ParseSingleExample"})
"""Ops that parse serialised ``tf.train.Example`` messages."""
