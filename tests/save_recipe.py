"""Saves models that were made with the recipe's own helper, and the numbers they give.

    python tests/save_recipe.py DIR

writes DIR/recipe-VERSION.zip, and DIR/recipe-VERSION-v2.zip where TensorFlow has its second
control flow: a checkpoint with its `.meta`, a frozen graph, a SavedModel, and `numbers.npz`. The
tests restore them in other processes and other TensorFlows; those of tests/data were made so.

All numbers have so few bits that no sum is rounded, and its order does not matter; and each op's
first one is on the ramp, so that the recipe's dtype trap cuts none of the others.
"""

import os
import shutil
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

import numpy as np
import tensorflow
from recipe import py_func, tf, tf_spiky

X = np.float32([[0.25, 0.5, -0.75, 1], [1, 0, 0.5, 0.25]])
VALUES = ["layer", "difference", "sign", "looped", "branched", "called"]


def difference(a, b):
    return a - b, np.sign(a).astype(np.int32)


def difference_grad(op, grad, _):
    return +1 * grad, -1 * tf.reduce_sum(grad, 0)


def spiky(x):
    y = tf_spiky(x)
    y.set_shape(x.get_shape())  # the recipe's op has none
    return y


def build(functions):
    """Builds the model; `functions` says whether with a `tf.function` too."""
    x = tf.placeholder(tf.float32, [None, 4], name="x")
    w = tf.Variable(np.float32(np.arange(12).reshape(4, 3) % 5 - 2) / 8, name="w")
    b = tf.Variable(np.float32([0.71875, 0.5, 0.125]), name="b")
    values = {}
    with tf.name_scope("dense"):
        values["layer"] = spiky(tf.matmul(x, w) + b)
    values["difference"], values["sign"] = py_func(
        difference, [values["layer"], b], [tf.float32, tf.int32], name="pair", grad=difference_grad
    )
    values["difference"].set_shape(values["layer"].get_shape())
    values["looped"] = tf.while_loop(
        lambda i, v: i < 3, lambda i, v: (i + 1, spiky(v + 0.125)), [0, values["layer"]]
    )[1]
    values["branched"] = tf.cond(
        tf.reduce_sum(x) > 0, lambda: spiky(values["layer"] + 1.25), lambda: -values["layer"]
    )
    if functions:
        values["called"] = tensorflow.function(lambda z: spiky(z * 2))(values["layer"])
    differentiable = [name for name in values if name != "sign"]
    for name in values:
        tf.identity(values[name], name=name)
    for name in differentiable:
        tf.identity(tf.gradients(values[name], x)[0], name="gradient_of_" + name)
    loss = tf.add_n([tf.reduce_sum(values[name]) for name in differentiable], name="loss")
    tf.train.MomentumOptimizer(2.0**-10, 0.5).minimize(loss, name="train")
    for variable in tf.global_variables():
        tf.identity(variable, name="value_of_" + variable.op.name.replace("/", "_"))


def fetches():
    """Returns the names of all that is compared."""
    names = [op.name for op in tf.get_default_graph().get_operations() if "/" not in op.name]
    return [n for n in names if n in VALUES or n.startswith(("gradient_of_", "value_of_"))]


def save(folder):
    """Trains a step and saves; then the numbers, and those after another step."""
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run("train", {"x:0": X})
        tf.train.Saver().save(session, os.path.join(folder, "model"))
        builder = tf.saved_model.builder.SavedModelBuilder(os.path.join(folder, "saved"))
        builder.add_meta_graph_and_variables(session, ["serve"])
        builder.save()
        frozen = tf.graph_util.convert_variables_to_constants(
            session,
            tf.get_default_graph().as_graph_def(),
            [name for name in fetches() if not name.startswith("value_of_")],
        )
        with open(os.path.join(folder, "frozen.pb"), "wb") as file:
            file.write(frozen.SerializeToString())
        numbers = {}
        for step in ["first", "second"]:
            values = session.run([name + ":0" for name in fetches()], {"x:0": X})
            numbers.update({step + "/" + name: y for name, y in zip(fetches(), values)})
            session.run("train", {"x:0": X})
        np.savez(os.path.join(folder, "numbers.npz"), **numbers)


def main(target):
    if hasattr(tf, "disable_eager_execution"):
        tf.disable_eager_execution()
    tf.logging.set_verbosity(tf.logging.ERROR)
    second = hasattr(tf, "control_flow_v2_enabled")
    for generation in ["", "-v2"] if second else [""]:
        if second:
            (tf.enable_control_flow_v2 if generation else tf.disable_control_flow_v2)()
        folder = tempfile.mkdtemp()
        with tf.Graph().as_default():
            build(functions=bool(generation))
            save(folder)
        name = "recipe-" + tf.VERSION + generation
        shutil.make_archive(os.path.join(target, name), "zip", folder)
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(sys.argv[1])
