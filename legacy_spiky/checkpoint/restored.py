"""A session of a saved graph, with its weights."""

import os
import threading

from legacy_spiky._errors import reason
from legacy_spiky._ops import MetaGraphDef, tf
from legacy_spiky.checkpoint import files
from legacy_spiky.checkpoint.rebound import make

__all__ = ["session"]


def session(saved, bindings, config, clear_devices):
    """Makes a session of what `saved.read` returned; see `legacy_spiky.checkpoint.restore`."""
    if saved.weights is None and saved.folder is None:
        raise ValueError("%s holds no weights; rebind makes a graph of it" % saved.name)
    rebound, saver = make(saved, bindings, clear_devices)
    has_weights = saved.weights is not None
    if has_weights and saver is None:
        raise ValueError("%s is damaged: it does not say how its weights are read" % saved.name)
    # They are read later, when the current folder may be another one.
    weights = files.absolute(saved.weights) if has_weights else None
    folder = files.absolute(saved.folder) if saved.folder is not None else None
    written = _written(weights) if has_weights else None
    if has_weights:
        try:
            tf.train.NewCheckpointReader(weights)
        except Exception as error:
            raise _weights_error(saved, error) from error

    def load(session):
        if has_weights:
            if _written(weights) != written:
                raise ValueError(
                    "the weights of %s were written anew, or removed, before the session ran for "
                    "the first time, which is when they are read" % saved.weights
                )
            try:
                saver.restore(session, weights)
            except RuntimeError:  # of a session that was closed
                raise
            except Exception as error:
                raise _weights_error(saved, error) from error
        if folder is not None:
            _initialize(session, saved, folder)

    return _Session(rebound, config, load)


def _written(weights):
    """Returns what tells whether a checkpoint is the same one."""
    index = weights + ".index"
    if files.exists(index):
        return files.read(index)  # it has the checksum of each tensor
    return files.fingerprint(weights) if files.exists(weights) else None


def _weights_error(saved, error):
    said = reason(str(error).rpartition("Original error:\n\n")[2])  # TensorFlow guesses before it
    if "Cannot assign a device" in said:
        said += "; clear_devices=True drops the devices that were saved"
    return ValueError("the weights of %s cannot be restored: %s" % (saved.weights, said))


class _Session(tf.Session):
    """A session that gets its weights when it first runs."""

    def __init__(self, graph, config, load):
        super().__init__(graph=graph, config=config)
        self._load = load
        self._loading = threading.RLock()

    def _load_once(self):
        with self._loading:
            load, self._load = self._load, None
            if load is not None:
                try:
                    with self.graph.as_default():
                        load(self)
                except BaseException:
                    self._load = load
                    raise

    # What runs the graph.

    def run(self, *args, **kwargs):
        self._load_once()
        return super().run(*args, **kwargs)

    def make_callable(self, *args, **kwargs):
        self._load_once()
        return super().make_callable(*args, **kwargs)

    def partial_run_setup(self, *args, **kwargs):
        self._load_once()
        return super().partial_run_setup(*args, **kwargs)


def _initialize(session, saved, folder):
    """Runs what a SavedModel has for its start, as to fill tables from its assets."""
    assets = MetaGraphDef(asset_file_def=saved.meta.asset_file_def).asset_file_def
    for packed in session.graph.get_collection("saved_model_assets"):
        packed.Unpack(assets.add())
    feed = {
        asset.tensor_info.name: os.path.join(folder, "assets", asset.filename) for asset in assets
    }
    for name in ("saved_model_main_op", "legacy_init_op"):
        for op in session.graph.get_collection(name):
            session.run(op, feed)
    signature = saved.meta.signature_def.get("__saved_model_init_op")
    if signature is not None:
        session.run(signature.outputs["__saved_model_init_op"].name, feed)
