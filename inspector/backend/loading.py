"""Load a model into a session with TensorFlow's own loader, ready to run."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import op_def_registry
from tensorflow.python.saved_model import loader_impl

from inspector.backend.sessions import quiet_config, reason, to_tensorflow
from inspector.errors import MissingVariables, RunFailed
from inspector.freezing.variable_values import VariableValues, without_values
from inspector.graph import validate
from inspector.graph.graph import node_name, tensor_name
from inspector.graph.op_sets import VARIABLES
from inspector.graph.protos import GraphDef, SaverDef
from inspector.model import initial_state
from inspector.model.initial_state import InitialState
from inspector.model.model import Model
from inspector.safety import sealing
from inspector.safety.reach import blocked_ops, refuse

_ERRORS = (tf.errors.OpError, ValueError, TypeError, KeyError, RuntimeError, OSError)

_NAMED = 3
_NO_VALUE = re.compile(
    r"(?:uninitialized value|reading resource variable|find variable) ([^ ]{1,200}?)[. ]*(?: |$)"
)


class LoadedModel:
    """A model in a session of its own; variables restored, tables filled. Close it after use.

    Args:
        allow: Run ops that reach beyond the model, see `inspector.graph.op_safety`.
        files: Node that is fed with the path of one of the model's own files, to that path.
        threads: See `quiet_config`.
    Raises: InvalidGraph, BlockedOp before anything has run; MissingVariables; RunFailed.
    """

    def __init__(
        self,
        model: Model,
        *,
        allow: bool = False,
        files: Mapping[str, str] | None = None,
        threads: int = 0,
    ) -> None:
        self.model = model
        self._config = quiet_config(threads)
        self.allow = allow
        self._own_paths = dict(files or {})
        self._initialised: set[str] = set()
        self._unknown: dict[str, str] = {}
        """Name of each node that is not in the session, to the ops that are not there for it."""
        # TensorFlow would hang or crash on some of it.
        validate.refuse(model.outline, model.name)
        start = time.perf_counter()
        self.graph: tf.Graph = tf.Graph()
        self.session: Any = tf.compat.v1.Session(graph=self.graph, config=self._config)
        try:
            with translated(model, "load"):
                if model.format == "SavedModel" and model.path is not None:
                    self._load_saved_model(model.path)
                else:
                    self._import_graph()
        except BaseException:
            self.session.close()
            raise
        self.load_ms: float = 1000 * (time.perf_counter() - start)

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
        """Raise BlockedOp if a run that reaches this far would meet an op that is not allowed.

        And RunFailed if it would need one that this TensorFlow does not have.
        """
        self.need_known(reach.get("fetches", ()))
        if not self.allow:
            refuse(self.model.name, blocked_ops(self.model.outline, **reach))

    def need_known(self, names: Iterable[str]) -> None:
        """Raise RunFailed where one of these tensors or nodes needs an op that is not there."""
        for name in map(node_name, names):
            if name in self._unknown:
                raise RunFailed(self.model.name, "load", _not_part(self._unknown[name]))

    def _seal(self, proto: GraphDef) -> None:
        """Keep the importer from computing what does not run, see `sealing`."""
        if not self.allow:
            sealing.seal(proto)

    def initialise(self, fetches: Collection[str], feeds: Collection[str]) -> None:
        """Fill tables and assign variables that a run needs, where the file declares no init op.

        Raises: BlockedOp, RunFailed; MissingVariables where a file without a checkpoint gives a
            variable no value.
        """
        model = self.model
        if model.init_op is not None:
            return  # it ran when the model was loaded
        state = initial_state.find_in(model, fetches, feeds)
        self._need_values(fetches, feeds, state)
        nodes = [name for name in state.nodes if name not in self._initialised]
        if not nodes:
            return
        self.refuse(fetches=(), once=nodes, own_files=list(self._own_paths))
        paths = {tensor_name(name): path for name, path in self._own_paths.items()}
        with translated(model, "init op"):
            self.session.run([self.graph.get_operation_by_name(name) for name in nodes], paths)
        self._initialised.update(nodes)

    def _need_values(
        self, fetches: Collection[str], feeds: Collection[str], state: InitialState
    ) -> None:
        """Raise MissingVariables where a run needs variables of a file without a checkpoint."""
        model = self.model
        can_be_set = model.format == "GraphDef" and not state.missing
        if model.checkpoint is not None or model.format == "SavedModel" or can_be_set:
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
        self._seal(meta_graph.graph_def)  # the very message that the loader imports
        saver, _returned = self._imported(
            meta_graph.graph_def, lambda: loader.load_graph(self.graph, tags)
        )
        with self.graph.as_default():
            # The nodes that the loader is about to run.
            init = loader_impl.get_init_op(meta_graph)
            named = self.model.init_op
            replaced = init is None or node_name(init.name) != named
            if replaced and named is not None:
                init = self.graph.get_operation_by_name(named)
            assets = loader_impl.get_asset_tensors(str(folder), meta_graph)
            own = [name for name, file in assets.items() if _is_inside(folder, file)]
            once = [] if init is None else [init.name]
            if saver is not None:
                once.append(saver.saver_def.restore_op_name)
                own.append(saver.saver_def.filename_tensor_name)
            self.refuse(fetches=(), once=once, own_files=own)
            if self.model.checkpoint is not None:
                loader.restore_variables(self.session, saver)
            self._assign_captured()
            if replaced and init is not None:
                self.session.run(init, assets)
            else:
                loader.run_init_ops(self.session, tags)

    def _assign_captured(self) -> None:
        """Set the variables that functions capture and the restore op leaves without a value."""
        values = VariableValues(self.model)
        for name in values.unrestored():
            array, dtype = values.read(self.model.graph.node(name))
            handle = self.graph.get_tensor_by_name(tensor_name(name))
            value = tf.compat.v1.placeholder(tf.as_dtype(int(dtype)), array.shape)
            assign = tf.raw_ops.AssignVariableOp(resource=handle, value=value)
            self.session.run(assign, {value: array})

    def _import_graph(self) -> None:
        proto = to_tensorflow(self.model.graph.to_proto())
        init = [self.model.init_op] if self.model.init_op else []
        saver = self._saver()
        restore = [] if saver is None else [saver.restore_op_name]
        own = [*self._own_paths, *([] if saver is None else [saver.filename_tensor_name])]
        self.refuse(fetches=(), once=[*restore, *init], own_files=own)

        self._seal(proto)
        self._leave_out_unknown(proto, [*restore, *init])

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

    def _leave_out_unknown(self, proto: GraphDef, needed: Iterable[str]) -> None:
        """Take out the nodes of ops that are not registered here, and what depends on them.

        TensorFlow refuses a graph as a whole for one of them, whether a run needs it or not.

        Args:
            needed: Nodes that run in any case; where one needs such an op, importing fails.
        """
        functions = {function.signature.name for function in proto.library.function}
        ops = {node.op for node in proto.node} - functions
        absent = {op for op in ops if op_def_registry.get(op) is None}
        own = {node.name: node.op for node in proto.node if node.op in absent}
        if not own:
            return
        below = self.model.graph.descendants(own)
        unknown = dict.fromkeys(below, ", ".join(sorted(absent)[:_NAMED])) | own
        if unknown.keys().isdisjoint(map(node_name, needed)):
            nodes = [node for node in proto.node if node.name not in unknown]
            del proto.node[:]
            proto.node.extend(nodes)
            self._unknown = unknown

    def _saver(self) -> SaverDef | None:
        """How the graph restores its variables, where there is a checkpoint to restore."""
        if self.model.checkpoint is None or self.model.meta_graph is None:
            return None
        saver = self.model.meta_graph.saver_def
        names = (saver.restore_op_name, saver.filename_tensor_name)
        return saver if all(node_name(name) in self.model.outline for name in names) else None

    def _imported(self, proto: GraphDef, load: Callable[[], Any]) -> Any:
        """Import; where ``_output_shapes`` disagree with the shape functions, again without.

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
        self.session = tf.compat.v1.Session(graph=self.graph, config=self._config)


@contextlib.contextmanager
def translated(model: Model, where: str) -> Iterator[None]:
    """Turns TensorFlow's errors into RunFailed, or MissingVariables where values are missing."""
    try:
        yield
    except _ERRORS as err:
        message = reason(err)
        if "not a valid checkpoint" in message or "variables.index" in message:
            why = "the SavedModel's variables are not there, or not complete"
            raise MissingVariables(model.name, "variables", why) from err
        if variable := _NO_VALUE.search(message):
            if model.format == "SavedModel" and model.checkpoint is None:
                why = f"they have no values: {model.no_values}"
                raise MissingVariables(model.name, "variables", why) from err
            why = "neither the checkpoint nor the init op gives it a value"
            raise MissingVariables(model.name, f"variable '{variable[1]}'", why) from err
        if "Table not initialized" in message:
            state = initial_state.find(model.outline, variables=False)
            name, why = next(iter(state.empty.items()), ("", "no op has filled it"))
            where = f"table '{name}'" if name else "table"
            message = f"it has no entries: {why}"
        if unknown := re.search(r"Op type not registered '([^']+)'", message):
            message = _not_part(unknown[1])
        if model.path is not None:  # where the server keeps it is nobody's business
            message = message.replace(str(model.path), model.name)
        raise RunFailed(model.name, where, message) from err


def _not_part(op: str) -> str:
    return f"the op {op} is not part of TensorFlow; it needs a library of its own"


def _is_inside(folder: Path, file: str | bytes) -> bool:
    """True for a file inside the model's folder, after symbolic links are resolved."""
    return Path(os.fsdecode(file)).resolve().is_relative_to(folder.resolve())


def _drop_output_shapes(proto: GraphDef) -> None:
    nodes = [node for function in proto.library.function for node in function.node_def]
    for node in [*proto.node, *nodes]:
        node.attr.pop("_output_shapes", None)
