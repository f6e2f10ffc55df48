"""What in a Keras config would run Python code when the model is built, found without running it.

A config may carry bytecode (``Lambda`` layers and lambdas anywhere), and it names classes and
functions by module, which Keras imports. tf_keras does both even in its safe mode. So the config is
searched, at every depth, before Keras sees it; what is not plainly a part of Keras is listed.

Source: keras/src/saving/serialization_lib.py, and that of tf_keras; its lambda_layer.py.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator, Mapping
from typing import Any

from inspector.model.code_use import CodeUse

_RUNS = "runs Python code out of the file"
_FOREIGN = "is a class or function of the author's own: its Python code is not in the file"
_REACHES = "calls a function of TensorFlow that reaches beyond the model"
_READS = "reads any file of the server"
_LOADS = "loads and runs another model by its path"

# Modules whose classes and functions make models: not `utils`, `saving` and the like.
_PARTS = [
    "activations",
    "applications",
    "backend",
    "constraints",
    "distribution",
    "dtype_policies",
    "engine",
    "feature_column",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "ops",
    "optimizers",
    "premade_models",
    "quantizers",
    "random",
    "regularizers",
]
_MODULE = re.compile(
    rf"(?:tf_keras|keras|tensorflow\.(?:python\.)?keras|tensorflow\.keras)"
    rf"(?:\.(?:src|api|_tf_keras|legacy|__internal__|experimental|python|v1|v2|keras))*"
    rf"(?:\.(?:{'|'.join(map(re.escape, _PARTS))})(?:\.\w+)*)?"
)
# What the bare package, ``keras.Sequential``, offers and is not a part of a model.
_ROOT = {"Sequential", "Model", "Functional", "Variable", "DTypePolicy", "Input", "InputSpec",
         "KerasTensor", "Layer", "Loss", "Metric", "Operation", "Optimizer",
         "FloatDTypePolicy", "QuantizedDTypePolicy"}  # fmt: skip
# The functions of TensorFlow that a ``TFOpLambda`` may name: they compute, and nothing else.
_TENSORS = re.compile(
    r"(?:(?:math|nn|linalg|signal|strings|random|bitwise|sparse|ragged|dtypes|image|__operators__"
    r"|keras\.backend|keras\.activations|keras\.losses|experimental\.numpy|compat\.v1\.(?:math|nn)"
    r"|_add_dispatch|convert_to_tensor)(?:\.\w+)*"
    r"|(?!py_func|numpy_func|load|function|print|eval|init_scope|import|raw_ops|Module"
    r"|Variable|Graph|make_)[a-z_]\w*)"
)
# Modules whose functions load, save or fetch models, where its classes are models.
_LOADERS = re.compile(r"(?:\w+\.)*(?:models|applications)(?:\.\w+)*")
_LOOKUPS = {"StringLookup", "IntegerLookup", "TextVectorization", "IndexLookup"}


def find(config: Any) -> list[CodeUse]:
    """Every entry of a config that runs code, at any depth, each once."""
    uses = dict.fromkeys(use for entry, layer in entries(config) for use in _judged(entry, layer))
    return list(uses)


def entries(config: Any) -> Iterator[tuple[Mapping[str, Any], str]]:
    """All objects of a config, each with the name of the innermost layer around it."""
    todo: list[tuple[Any, str]] = [(config, "")]
    while todo:
        value, layer = todo.pop()
        if isinstance(value, Mapping):
            inner = value.get("config")
            if "class_name" in value and isinstance(inner, Mapping):
                name = inner.get("name") or value.get("name")
                layer = name if isinstance(name, str) else layer
            yield value, layer
            todo += [(item, layer) for item in reversed(list(value.values()))]
        elif isinstance(value, list):
            todo += [(item, layer) for item in reversed(value)]


def _judged(entry: Mapping[str, Any], layer: str) -> Iterator[CodeUse]:
    kind, inner = entry.get("class_name"), entry.get("config")
    # A function that was put down as code: ``<part>_type: lambda`` in a layer's or cell's config.
    for key, value in entry.items():
        if key.endswith("_type") and value == "lambda":
            part = entry.get(key.removesuffix("_type"))
            if part is not None:
                yield CodeUse("Lambda", layer, _RUNS)
    if not isinstance(kind, str):
        return
    if kind in ("__lambda__", "Lambda") or kind.endswith(">Lambda"):
        yield CodeUse("Lambda", layer, _RUNS)
    elif kind == "TFSMLayer":
        yield CodeUse(kind, layer, _LOADS)
    elif kind in ("TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod"):
        yield from _tf_op(kind, inner, layer)
    elif _names_a_file(inner, is_lookup=kind.rpartition(">")[2] in _LOOKUPS):
        yield CodeUse(kind, layer, _READS)
    if "module" in entry or entry.get("registered_name"):
        yield from _by_module(entry, kind, inner, layer)


def _tf_op(kind: str, inner: Any, layer: str) -> Iterator[CodeUse]:
    if not isinstance(inner, Mapping):
        return
    for key in ("function", "cls_symbol", "cls_ref"):
        name = inner.get(key)
        if name is not None and not (isinstance(name, str) and _TENSORS.fullmatch(name)):
            yield CodeUse(f"{kind} {str(name)[:100]}", layer, _REACHES)


def _names_a_file(inner: Any, *, is_lookup: bool) -> bool:
    """Whether a config names a file to read: of a lookup its vocabulary, which else is a list; of
    a feature column its vocabulary or the checkpoint of its embedding.
    """
    keys = ("vocabulary", "idf_weights") if is_lookup else ("vocabulary_file", "ckpt_to_load_from")
    return isinstance(inner, Mapping) and any(isinstance(inner.get(key), str) for key in keys)


def _by_module(entry: Mapping[str, Any], kind: str, inner: Any, layer: str) -> Iterator[CodeUse]:
    module, registered = entry.get("module"), entry.get("registered_name")
    is_function = kind == "function" and isinstance(inner, str)
    name = str(inner if is_function else kind)
    if kind.startswith("__"):  # a tuple, a dtype and the like
        return
    if module == "builtins":
        # What Keras' own functions have for a module. Python's own are no part of a model.
        foreign = not is_function or hasattr(builtins, name) or _is_registered(registered)
    elif module is None:
        foreign = _is_registered(registered)
    elif module in ("keras", "tf_keras"):
        foreign = name not in _ROOT
    else:
        foreign = not (isinstance(module, str) and _MODULE.fullmatch(module))
        if not foreign and is_function and _LOADERS.fullmatch(module):
            yield CodeUse(name[:100], layer, _LOADS)
    if foreign:
        yield CodeUse(name[:100], layer, _FOREIGN)


def _is_registered(name: Any) -> bool:
    """Whether a class or function was registered by its author, as ``package>name``."""
    return isinstance(name, str) and ">" in name and not name.startswith("keras>")
