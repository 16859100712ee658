"""Where the tensors of a saved graph come from, by way of what only hands them on."""

import collections
import re

from legacy_spiky.checkpoint.saved import each_node

__all__ = ["Flow", "Tensor"]

# A tensor of a saved graph: the function of the library or None, its node or argument, its number.
Tensor = collections.namedtuple("Tensor", "function name number")

# What gives its first input, or one of all: of loops and branches too, and of what keeps a tensor
# of each round of a loop for its gradient.
_SAME = ["Enter", "Identity", "RefEnter", "RefSwitch", "StopGradient", "Switch"]
_FIRST = _SAME + ["Exit", "NextIteration", "OptionalGetValue", "RefExit", "RefNextIteration"]
_FIRST += ["TensorListPopBack"]
_ALL = ["Merge", "OptionalFromValue", "RefMerge", "TensorListPushBack"]
_STACKS, _PUSHES, _POPS = [[name, name + "V2"] for name in ("Stack", "StackPush", "StackPop")]
_LOOPS, _BRANCHES = ["While", "StatelessWhile"], ["If", "StatelessIf", "Case", "StatelessCase"]

# The attributes with the functions whose results are those of a node.
_RESULTS = {"PartitionedCall": ["f"], "StatefulPartitionedCall": ["f"]}
_RESULTS.update({op: ["body"] for op in _LOOPS})
_RESULTS.update({op: ["then_branch", "else_branch", "branches"] for op in _BRANCHES})


class Flow:
    """The tensors of a saved graph.

    Args:
      graph_def: a `GraphDef`.
    """

    def __init__(self, graph_def):
        self._functions = {f.signature.name: f for f in graph_def.library.function}
        self._nodes = {(function, node.name): node for function, node in each_node(graph_def)}
        self._calls = collections.defaultdict(list)
        for function, node in each_node(graph_def):
            for name in self._called(node):
                self._calls[name].append((function, node))
        self._pushed = None

    def node(self, function, name):
        """Returns the NodeDef of a name in a function or, if that is None, in the graph."""
        return self._nodes.get((function, name))

    def inputs(self, function, node):
        """Returns the tensors that go into a node."""
        return [_tensor(function, text) for text in node.input if not text.startswith("^")]

    def sources(self, tensor):
        """Returns a tensor and all those that its value may have been before."""
        return self._walk(tensor, self._before)

    def is_one(self, tensor, other):
        """Whether `tensor` may have the value of `other`."""
        return bool(self.sources(tensor) & self._walk(other, self._same))

    def is_given(self, tensor):
        """Whether a tensor comes from the argument of a function that nobody calls."""
        return any(
            function is not None and not self._calls[function] and self.node(function, name) is None
            for function, name, _ in self.sources(tensor)
        )

    def _walk(self, tensor, step):
        found, new = set(), [tensor]
        while new:
            tensor = new.pop()
            if tensor not in found:
                found.add(tensor)
                new += step(tensor)
        return found

    def _same(self, tensor):
        """Returns what has the value of a tensor in each round of a loop, and at each call."""
        function, name, _ = tensor
        node = self.node(function, name)
        if node is not None:
            return self.inputs(function, node)[:1] if node.op in _SAME else []
        calls = [call for _, call in self._calls[function]]
        # One call, be it in several versions of a loop's body: another has other arguments.
        one = len({re.sub(r"_\d+$", "", call.name) for call in calls}) == 1
        return self._given(function, name) if one and calls[0].op not in _LOOPS else []

    def _before(self, tensor):
        function, name, number = tensor
        node = self.node(function, name)
        if node is None:
            return self._given(function, name)
        inputs = self.inputs(function, node)
        if node.op in _FIRST:
            return inputs[:1]
        if node.op in _ALL:
            return inputs
        if node.op == "IdentityN":
            return inputs[number : number + 1]
        if node.op in _POPS:
            stacks = {stack for handle in inputs[:1] for stack in self._stacks(handle)}
            return [value for stack in stacks for value in self._pushes()[stack]]
        before = inputs[number : number + 1] if node.op in _LOOPS else []
        return before + [t for called in self._results(node) for t in self._result(called, number)]

    def _given(self, function, name):
        """Returns what the calls of a function give for an argument."""
        known = self._functions.get(function)
        arguments = [argument.name for argument in known.signature.input_arg] if known else []
        if name not in arguments:
            return []
        number, found = arguments.index(name), []
        for caller, node in self._calls[function]:
            start = number + (node.op in _BRANCHES)
            found += self.inputs(caller, node)[start : start + 1]
            if node.op in _LOOPS:
                found += [t for called in self._results(node) for t in self._result(called, number)]
        return found

    def _result(self, function, number):
        known = self._functions.get(function)
        if known is None or number >= len(known.signature.output_arg):
            return []
        return [_tensor(function, known.ret[known.signature.output_arg[number].name])]

    def _results(self, node):
        """Returns the functions whose results are those of a node."""
        if node.op in self._functions:
            return [node.op]
        names = _RESULTS.get(node.op, [])
        values = [node.attr[name] for name in names if name in node.attr]  # asking would add it
        return [f.name for value in values for f in [value.func, *value.list.func] if f.name]

    def _called(self, node):
        """Returns the functions that a node calls with its inputs."""
        condition = node.op in _LOOPS and "cond" in node.attr
        return self._results(node) + ([node.attr["cond"].func.name] if condition else [])

    def _stacks(self, handle):
        places = {tensor[:2] for tensor in self.sources(handle)} & set(self._nodes)
        return [place for place in places if self._nodes[place].op in _STACKS]

    def _pushes(self):
        """Returns what is put on each stack."""
        if self._pushed is None:
            self._pushed = collections.defaultdict(list)
            for (function, _), node in self._nodes.items():
                if node.op in _PUSHES:
                    inputs = self.inputs(function, node)
                    for stack in {s for handle in inputs[:1] for s in self._stacks(handle)}:
                        self._pushed[stack] += inputs[1:2]
        return self._pushed


def _tensor(function, text):
    """Returns `node:0`, or `node:output:0` in a function, as a `Tensor`."""
    name, _, port = text.partition(":")
    number = port.rpartition(":")[2]
    return Tensor(function, name, int(number) if number.isdigit() else 0)
