"""Load a model into a session with TensorFlow's own loader, ready to run."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import tensorflow as tf
from tensorflow.python.saved_model import loader_impl

from inspector import problems
from inspector.backend.blocked import blocked_ops, refuse
from inspector.backend.sessions import quiet_config, reason, to_tensorflow
from inspector.errors import MissingVariables, RunFailed
from inspector.graph import node_name, tensor_name
from inspector.model import Model
from inspector.protos import SaverDef
from inspector.variable_flow import VARIABLES
from inspector.variable_values import without_values

_ERRORS = (tf.errors.OpError, ValueError, TypeError, KeyError, RuntimeError, OSError)

_NO_VALUE = re.compile(
    r"(?:uninitialized value|reading resource variable|find variable) ([^ ]{1,200}?)[. ]*(?: |$)"
)


class LoadedModel:
    """A model in a session of its own; variables restored, tables filled. Close it after use.

    Args:
        allow: Run ops that reach beyond the model, see `inspector.flagged`.
        files: Node that is fed with the path of one of the model's own files, to that path.
    Raises: InvalidGraph, BlockedOp before anything has run; MissingVariables; RunFailed.
    """

    def __init__(
        self, model: Model, *, allow: bool = False, files: Mapping[str, str] | None = None
    ) -> None:
        self.model = model
        self.allow = allow
        self._own_paths = dict(files or {})
        # TensorFlow would hang or crash on some of it.
        problems.refuse(model.outline, model.name)
        start = time.perf_counter()
        self.graph = tf.Graph()
        self.session = tf.compat.v1.Session(graph=self.graph, config=quiet_config())
        try:
            with translated(model, "load"):
                if model.format == "SavedModel" and model.path is not None:
                    self._load_saved_model(model.path)
                else:
                    self._import_graph()
        except BaseException:
            self.session.close()
            raise
        self.load_ms = 1000 * (time.perf_counter() - start)

    def close(self) -> None:
        """Free the session's memory."""
        self.session.close()

    def __enter__(self) -> LoadedModel:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def refuse(self, **reach: Any) -> None:
        """Raise BlockedOp if a run that reaches this far would meet an op that is not allowed."""
        if not self.allow:
            refuse(self.model.name, blocked_ops(self.model.outline, **reach))

    def need_values(self, fetches: Iterable[str], feeds: Iterable[str]) -> None:
        """Raise MissingVariables where a run needs variables of a file without a checkpoint."""
        model = self.model
        if model.checkpoint is not None or model.init_op or model.format == "SavedModel":
            return
        graph = model.outline
        needed = graph.ancestors(map(node_name, fetches), stop=map(node_name, feeds))
        names = [node.name for node in graph if node.op in VARIABLES and node.name in needed]
        if names:
            raise without_values(model, names)

    def _load_saved_model(self, path: Path) -> None:
        folder = path if path.is_dir() else path.parent
        loader = loader_impl.SavedModelLoader(str(folder))
        tags = self.model.tag_set
        meta_graph = loader.get_meta_graph_def_from_tags(tags)
        saver, _returned = self._imported(
            meta_graph.graph_def, lambda: loader.load_graph(self.graph, tags)
        )
        with self.graph.as_default():
            # What TensorFlow is about to run, told by TensorFlow itself.
            init = loader_impl.get_init_op(meta_graph)
            assets = loader_impl.get_asset_tensors(str(folder), meta_graph)
            own = [name for name, file in assets.items() if _is_inside(folder, file)]
            once = [] if init is None else [init.name]
            if saver is not None:
                once.append(saver.saver_def.restore_op_name)
                own.append(saver.saver_def.filename_tensor_name)
            self.refuse(fetches=(), once=once, own_files=own)
            loader.restore_variables(self.session, saver)
            loader.run_init_ops(self.session, tags)

    def _import_graph(self) -> None:
        proto = to_tensorflow(self.model.graph.to_proto())
        init = [self.model.init_op] if self.model.init_op else []
        saver = self._saver()
        restore = [] if saver is None else [saver.restore_op_name]
        own = [*self._own_paths, *([] if saver is None else [saver.filename_tensor_name])]
        self.refuse(fetches=(), once=[*restore, *init], own_files=own)

        def load() -> None:
            with self.graph.as_default():
                tf.compat.v1.import_graph_def(proto, name="")

        self._imported(proto, load)
        checkpoint = self.model.checkpoint
        if saver is not None and checkpoint is not None:
            files = {tensor_name(saver.filename_tensor_name): checkpoint.restore_path}
            self.session.run(
                self.graph.get_operation_by_name(node_name(saver.restore_op_name)), files
            )
        paths = {tensor_name(name): path for name, path in self._own_paths.items()}
        for name in init:
            self.session.run(self.graph.get_operation_by_name(name), paths)

    def _saver(self) -> SaverDef | None:
        """How the graph restores its variables, where there is a checkpoint to restore."""
        if self.model.checkpoint is None or self.model.meta_graph is None:
            return None
        saver = self.model.meta_graph.saver_def
        names = (saver.restore_op_name, saver.filename_tensor_name)
        return saver if all(node_name(name) in self.model.outline for name in names) else None

    def _imported(self, proto: Any, load: Callable[[], Any]) -> Any:
        """Import; once more without ``_output_shapes`` where those no longer agree.

        A shape function has changed since the file was written. What it wrote down then is a
        note, not a need.
        """
        try:
            return load()
        except ValueError as err:
            if "_output_shapes" not in str(err):
                raise
        _drop_output_shapes(proto)
        self._start_afresh()  # a failed import leaves nodes behind
        return load()

    def _start_afresh(self) -> None:
        self.session.close()
        self.graph = tf.Graph()
        self.session = tf.compat.v1.Session(graph=self.graph, config=quiet_config())


@contextlib.contextmanager
def translated(model: Model, where: str) -> Iterator[None]:
    """TensorFlow's errors as RunFailed, or MissingVariables where that is what they mean."""
    try:
        yield
    except _ERRORS as err:
        told = reason(err)
        if "not a valid checkpoint" in told or "variables.index" in told:
            why = "the SavedModel's variables are not there, or not complete"
            raise MissingVariables(model.name, "variables", why) from err
        if variable := _NO_VALUE.search(told):
            why = "neither the checkpoint nor the init op gives it a value"
            raise MissingVariables(model.name, f"variable '{variable[1]}'", why) from err
        if unknown := re.search(r"Op type not registered '([^']+)'", told):
            told = f"the op {unknown[1]} is not part of TensorFlow; it needs a library of its own"
        if model.path is not None:  # where the server keeps it is nobody's business
            told = told.replace(str(model.path), model.name)
        raise RunFailed(model.name, where, told) from err


def _is_inside(folder: Path, file: str | bytes) -> bool:
    """A file of the model, and not one that its path only claims to be."""
    return Path(os.fsdecode(file)).resolve().is_relative_to(folder.resolve())


def _drop_output_shapes(proto: Any) -> None:
    nodes = [node for function in proto.library.function for node in function.node_def]
    for node in [*proto.node, *nodes]:
        node.attr.pop("_output_shapes", None)
