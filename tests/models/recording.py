"""What the TensorFlow that made a file says of it: figures, and answers to fixed feeds.

Imported by the make_*.py scripts, so it runs in Python 3.6 and TensorFlow 1.10 too. Nothing of
Inspector is asked here.
"""

import collections
import json
import os
import shutil

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.framework import graph_pb2
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

v1 = getattr(tf.compat, "v1", tf)
tf1 = v1 if hasattr(v1, "placeholder") else tf

HERE = os.path.dirname(os.path.abspath(__file__))
MANIFEST = os.path.join(HERE, "manifest.json")

INIT = "__saved_model_init_op"


class Corpus(object):
    """The folder one script fills, and its entries of the manifest."""

    def __init__(self, script):
        self.script = os.path.basename(script)
        self.folder = self.script[len("make_") : -len(".py")]
        self.version = tf.__version__ if hasattr(tf, "__version__") else tf.VERSION
        self.entries = []
        shutil.rmtree(os.path.join(HERE, self.folder), ignore_errors=True)
        os.makedirs(os.path.join(HERE, self.folder))
        # What is written holds no path of the machine: scripts work where they write.
        os.chdir(os.path.join(HERE, self.folder))

    def add(self, name, kind, shows, path=None, **figures):
        """One entry. ``kind`` is one of the table in test_corpus.py."""
        entry = collections.OrderedDict(
            name="%s/%s" % (self.folder, name),
            kind=kind,
            path="%s/%s" % (self.folder, path or name),
            shows=shows,
        )
        entry.update(made_by="%s, TensorFlow %s" % (self.script, self.version))
        for key in sorted(figures):
            if figures[key] is not None:
                entry[key] = figures[key]
        self.entries.append(entry)
        print(entry["name"], flush=True)

    def saved_model(self, name, shows, runs=(), **more):
        """A SavedModel at ``name``; ``runs`` is a list of (signature, feeds[, tags])."""
        metas = read_saved_model(name).meta_graphs
        graphs = [graph_figures(meta.graph_def, meta) for meta in metas]
        recorded = []
        for signature, feeds, *tags in runs:
            chosen = list(tags[0] if tags else metas[0].meta_info_def.tags)
            recorded.append(run_saved_model(name, chosen, signature, feeds))
        prefix = os.path.join(name, "variables", "variables")
        variables = list_variables(prefix) if os.path.exists(prefix + ".index") else []
        self.add(
            name, "saved_model", shows, graphs=graphs, runs=recorded, variables=variables, **more
        )

    def checkpoint(self, name, shows, prefix, feeds=None, fetches=(), path=None, **more):
        """A checkpoint of this prefix, with its .meta where there is one."""
        graphs, recorded = None, []
        if os.path.exists(prefix + ".meta"):
            meta = read_message(prefix + ".meta", meta_graph_pb2.MetaGraphDef)
            graphs = [graph_figures(meta.graph_def, meta)]
            if fetches:
                recorded = [run_checkpoint(prefix, feeds, fetches)]
        variables = list_variables(prefix)
        self.add(
            name,
            "checkpoint",
            shows,
            path,
            graphs=graphs,
            runs=recorded,
            variables=variables,
            **more,
        )

    def graph_def(self, name, shows, feeds=None, fetches=(), **more):
        """A GraphDef at ``name``, binary or text."""
        graph = read_message(name, graph_pb2.GraphDef)
        recorded = [run_graph_def(graph, feeds, fetches)] if fetches else []
        self.add(name, "graphdef", shows, graphs=[graph_figures(graph)], runs=recorded, **more)

    def meta_graph(self, name, shows, **more):
        """A MetaGraphDef alone."""
        meta = read_message(name, meta_graph_pb2.MetaGraphDef)
        self.add(name, "meta_graph", shows, graphs=[graph_figures(meta.graph_def, meta)], **more)

    def write(self):
        """Put the entries into the manifest in place of those this script wrote before."""
        known = []
        if os.path.exists(MANIFEST):
            with open(MANIFEST) as file:
                known = json.load(file, object_pairs_hook=collections.OrderedDict)
        known = [item for item in known if not item["made_by"].startswith(self.script + ",")]
        known = sorted(known + self.entries, key=lambda item: item["name"])
        lines = [json.dumps(item, sort_keys=False) for item in known]
        with open(MANIFEST, "w") as file:
            file.write("[\n" + ",\n".join(lines) + "\n]\n")
        print(len(self.entries), "entries of", self.version)


def read_message(path, kind):
    """A message in binary form or, by the suffix, as text."""
    message = kind()
    with open(path, "rb") as file:
        data = file.read()
    if path.endswith("pbtxt"):
        text_format.Parse(data.decode("utf-8"), message)
    else:
        message.ParseFromString(data)
    return message


def read_saved_model(folder):
    """The SavedModel message of a folder."""
    for name in ("saved_model.pb", "saved_model.pbtxt"):
        path = os.path.join(folder, name)
        if os.path.exists(path):
            return read_message(path, saved_model_pb2.SavedModel)
    raise IOError("no SavedModel in %s" % folder)


def graph_figures(graph, meta=None):
    """Counts, placeholders, and of a MetaGraphDef tags, version, signatures and assets."""
    bodies = collections.Counter(n.op for f in graph.library.function for n in f.node_def)
    figures = {
        "nodes": len(graph.node),
        "ops": dict(collections.Counter(node.op for node in graph.node)),
        "function_count": len(graph.library.function),
        "function_ops": dict(bodies),
        "placeholders": [
            {
                "name": node.name,
                "dtype": tf.as_dtype(node.attr["dtype"].type).name,
                "shape": shape_of(node.attr["shape"].shape),
            }
            for node in graph.node
            if node.op in ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault")
        ],
    }
    if meta is not None:
        figures["tags"] = list(meta.meta_info_def.tags)
        figures["tf_version"] = meta.meta_info_def.tensorflow_version
        figures["signatures"] = {
            key: {
                "method": signature.method_name,
                "inputs": {k: tensor_info(i) for k, i in signature.inputs.items()},
                "outputs": {k: tensor_info(i) for k, i in signature.outputs.items()},
            }
            for key, signature in meta.signature_def.items()
        }
        figures["assets"] = assets(meta)
    return figures


def assets(meta):
    """File name and tensor of each asset."""
    listed = list(meta.asset_file_def)
    if not listed and "saved_model_assets" in meta.collection_def:
        for item in meta.collection_def["saved_model_assets"].any_list.value:
            asset = meta_graph_pb2.AssetFileDef()
            item.Unpack(asset)
            listed.append(asset)
    return [{"filename": item.filename, "tensor": item.tensor_info.name} for item in listed]


def tensor_info(info):
    """Name (or those of the parts), dtype and shape."""
    told = {
        "name": info.name,
        "dtype": tf.as_dtype(info.dtype).name if info.dtype else None,
        "shape": shape_of(info.tensor_shape),
    }
    names = parts(info)
    if list(names) != [""]:
        told.update(name=next(iter(names.values())), parts=names)
    return told


def parts(info):
    """The tensors of a TensorInfo: part's name to tensor name; ``""`` for a plain one."""
    kind = info.WhichOneof("encoding")
    if kind == "coo_sparse":
        sparse = info.coo_sparse
        return {
            "values": sparse.values_tensor_name,
            "indices": sparse.indices_tensor_name,
            "dense_shape": sparse.dense_shape_tensor_name,
        }
    if kind == "composite_tensor":
        components = info.composite_tensor.components
        ragged = info.composite_tensor.type_spec.type_spec_class == 3 and len(components) == 2
        names = ("values", "row_splits") if ragged else map(str, range(len(components)))
        return {name: component.name for name, component in zip(names, components)}
    return {"": info.name}


def shape_of(shape):
    """A TensorShapeProto as a list; None where the rank is unknown."""
    return None if shape.unknown_rank else [dim.size for dim in shape.dim]


def list_variables(prefix):
    """What the checkpoint's reader lists."""
    reader = tf1.train.NewCheckpointReader(prefix)
    dtypes = reader.get_variable_to_dtype_map()
    shapes = reader.get_variable_to_shape_map()
    return [
        {"name": name, "dtype": dtypes[name].name, "shape": list(shapes[name])}
        for name in sorted(shapes)
    ]


def run_saved_model(folder, tags, key, feeds):
    """Load with this TensorFlow's loader and run one signature; keys as `predict` takes them."""
    with tf.Graph().as_default(), new_session() as session:
        loader = (
            v1.saved_model.loader if hasattr(v1.saved_model, "loader") else tf.saved_model.loader
        )
        meta = loader.load(session, tags, folder)
        signature = meta.signature_def[key]
        fed = {flat(signature.inputs)[name]: value for name, value in feeds.items()}
        answers = session.run(flat(signature.outputs), fed)
    run = {"signature": key, "feeds": to_json(feeds), "answers": to_json(answers)}
    if tags != ["serve"]:
        run["tags"] = tags
    return run


def new_session():
    """With the two devices that some graphs name."""
    return tf1.Session(config=tf1.ConfigProto(device_count={"CPU": 2}))


def flat(infos):
    """Key, or key/part, to tensor name."""
    return {
        key + ("/" + part if part else ""): name
        for key, info in infos.items()
        for part, name in parts(info).items()
    }


def run_checkpoint(prefix, feeds, fetches):
    """Restore the .meta and run."""
    with tf.Graph().as_default(), new_session() as session:
        tf1.train.import_meta_graph(prefix + ".meta").restore(session, prefix)
        return _run(session, feeds, fetches)


def run_graph_def(graph, feeds, fetches):
    """Import and run."""
    with tf.Graph().as_default(), new_session() as session:
        tf1.import_graph_def(graph, name="")
        return _run(session, feeds, fetches)


def _run(session, feeds, fetches):
    answers = session.run(
        {name: tensor(name) for name in fetches},
        {tensor(name): value for name, value in (feeds or {}).items()},
    )
    return {"signature": None, "feeds": to_json(feeds or {}), "answers": to_json(answers)}


def tensor(name):
    """A tensor name."""
    return name if ":" in name else name + ":0"


def to_json(arrays):
    """Arrays with dtype and shape; bytes as latin-1, complex numbers as pairs."""
    made = {}
    for key, value in sorted(arrays.items()):
        array = np.asarray(value)
        values = array.ravel()
        if array.dtype.kind in "OSU":
            dtype = "string"
            values = [v.decode("latin-1") if isinstance(v, bytes) else str(v) for v in values]
        elif array.dtype.kind == "c":
            dtype, values = array.dtype.name, [[v.real.item(), v.imag.item()] for v in values]
        else:
            dtype, values = array.dtype.name, [_short(v) for v in values.tolist()]
        made[key] = {"dtype": dtype, "shape": list(array.shape), "values": list(values)}
    return made


def _short(value):
    return float("%.9g" % value) if isinstance(value, float) else value
