"""Saved graphs as they are in files: reading them, without running anything of them."""

import collections
import os
import re

from legacy_spiky._ops import MetaGraphDef, SavedModel, text_format, tf
from legacy_spiky.checkpoint import files

__all__ = ["each_node", "read"]

# A saved graph as a MetaGraphDef; what errors call it; the prefix of its weights and the folder of
# a SavedModel, where it has them; the tags that were given.
Saved = collections.namedtuple("Saved", "meta name weights folder tags")
Saved.__new__.__defaults__ = None, None, None


def read(source, tags=None):
    """Reads what `legacy_spiky.checkpoint` takes for a saved graph; returns it as `Saved`."""
    if isinstance(source, MetaGraphDef):
        return _checked(Saved(_copy(source), "the MetaGraphDef"))
    if isinstance(source, tf.GraphDef):
        return _checked(Saved(MetaGraphDef(graph_def=source), "the GraphDef"))
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(
            "a saved graph is given as a GraphDef, a MetaGraphDef or the path of a .meta file, of "
            "a frozen .pb or of a SavedModel's folder, got %r (%s)"
            % (source, type(source).__name__)
        )
    path = os.fspath(source)
    folder = files.is_folder(path) and bool(_models(path))
    if not folder and files.exists(path + ".meta"):
        path += ".meta"  # it is a checkpoint's prefix, which in old ones is a file too
    if not files.exists(path):
        raise FileNotFoundError("there is no file %s, nor %s.meta" % (path, path))
    if files.is_folder(path) or os.path.basename(path) in _SAVED_MODEL:
        return _saved_model(path, tags)
    if path.endswith(".meta"):
        meta, whole = _parse(MetaGraphDef, path)
        _check_writer(meta, path)
        prefix = path[: -len(".meta")]
        there = any(files.is_file(prefix + end) for end in ("", ".index"))
        return _checked(Saved(meta, path, prefix if there else None), whole)
    # It need not name its writer: TensorFlow 1 freezes without the versions, which come last.
    graph_def, whole = _parse(tf.GraphDef, path)
    return _checked(Saved(MetaGraphDef(graph_def=graph_def), path), whole)


def _copy(message):
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


_GRAPH_DEF_VERSION = getattr(tf, "version", tf).GRAPH_DEF_VERSION
_SAVED_MODEL = ["saved_model.pb", "saved_model.pbtxt"]


def _models(folder):
    paths = [os.path.join(folder, name) for name in _SAVED_MODEL]
    return [path for path in paths if files.exists(path)]


def _saved_model(path, tags):
    folder = path if files.is_folder(path) else os.path.dirname(path)
    paths = _models(folder)
    if not paths:
        raise FileNotFoundError(
            "the folder %s holds no SavedModel: neither saved_model.pb nor saved_model.pbtxt; of a "
            "checkpoint give the prefix or the .meta file" % folder
        )
    model, whole = _parse(SavedModel, paths[0])
    graphs = model.meta_graphs
    for meta in graphs:
        _check_writer(meta, paths[0])
    tags = [tags] if isinstance(tags, str) else tags
    there = [sorted(meta.meta_info_def.tags) for meta in graphs]
    fitting = [i for i in range(len(graphs)) if tags is None or there[i] == sorted(tags)]
    if len(fitting) > 1 and ["serve"] in there:
        fitting = [there.index(["serve"])]
    if len(fitting) != 1:
        raise ValueError(
            "%s has %d graphs, with the tags %s, and %s; give the tags of one of them"
            % (paths[0], len(graphs), there, "none were given" if tags is None else list(tags))
        )
    weights = os.path.join(folder, "variables", "variables")
    meta = _copy(graphs[fitting[0]])
    saved = Saved(meta, folder, weights if meta.HasField("saver_def") else None, folder, tags)
    return _checked(saved, whole)


def _parse(kind, path):
    """Reads a file, binary or text, as a protobuf message, and whether it knows all its fields."""
    data = files.read(path)
    message, whole = kind(), True
    try:
        if re.search(rb"[\0-\x08\x0e-\x1f]", data):  # text has none of these
            if message.ParseFromString(data) < len(data):
                raise ValueError("it ends before the file does")
            size = message.ByteSize()
            message.DiscardUnknownFields()
            whole = message.ByteSize() == size
        else:
            text_format.Merge(data.decode("utf-8"), message)
    except Exception as error:  # several kinds, in the several versions of protobuf
        raise ValueError(
            "%s is no %s, or is damaged, or of a newer TensorFlow (%s: %s); the name of a "
            "MetaGraphDef ends in .meta, a SavedModel is given as its folder, a checkpoint by its "
            "prefix" % (path, kind.__name__, type(error).__name__, error)
        ) from error
    return message, whole


def _check_writer(meta, path):
    """Raises ValueError where a MetaGraphDef lacks what every TensorFlow writes."""
    if not (meta.meta_info_def.tensorflow_version and meta.graph_def.versions.producer):
        raise ValueError(
            "%s is no MetaGraphDef, or damaged: it does not say which TensorFlow wrote it" % path
        )


def _checked(saved, whole=True):
    """Returns `saved`; raises ValueError where it is damaged in a way that TensorFlow does not see.

    TensorFlow fails of some of this when it runs, or dies, or searches its own message for minutes.
    """
    graph_def = saved.meta.graph_def
    if not graph_def.node:
        raise ValueError("%s holds no graph: it has no nodes" % saved.name)
    if not whole and graph_def.versions.producer <= _GRAPH_DEF_VERSION:
        raise ValueError(
            "%s is damaged, or of a newer TensorFlow: it has fields that TensorFlow %s does not "
            "know" % (saved.name, tf.VERSION)
        )
    functions = {function.signature.name for function in graph_def.library.function}
    for function in graph_def.library.function:
        for missing in _missing(function):
            raise ValueError(
                "%s is damaged: its function %s has no %r"
                % (saved.name, function.signature.name, missing)
            )
    for _, node in each_node(graph_def):
        for name, value in node.attr.items():
            called = {f.name for f in [value.func, *value.list.func]} - {""} - functions
            if called and node.op != "SymbolicGradient":  # that of an op has its name
                raise ValueError(
                    "%s is damaged: it has no function %r, which node %s calls"
                    % (saved.name, called.pop(), node.name)
                )
            for text in [value.s, *value.list.s] if name in ("_class", "frame_name") else []:
                try:
                    text.decode("utf-8")
                except UnicodeDecodeError:
                    raise ValueError(
                        "%s is damaged: the attribute %s of node %s is %r"
                        % (saved.name, name, node.name, text)
                    ) from None
    return saved


def _missing(function):
    """Returns the names that a function uses, or promises, and does not have."""
    signature = function.signature
    known = {argument.name for argument in signature.input_arg}
    known.update(node.name for node in function.node_def)
    used = [source for node in function.node_def for source in node.input]
    used += list(function.ret.values())
    unknown = {source.lstrip("^").split(":")[0] for source in used} - known
    return unknown | ({argument.name for argument in signature.output_arg} ^ set(function.ret))


def each_node(graph_def):
    """Yields the function (or None) and the NodeDef of each node of a graph and its library."""
    for node in graph_def.node:
        yield None, node
    for function in graph_def.library.function:
        for node in function.node_def:
            yield function.signature.name, node
