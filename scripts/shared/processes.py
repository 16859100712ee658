"""The processes of a cluster on the loopback: what they print, and that they end with this one."""

import ctypes
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading

__all__ = ["Processes", "free_addresses", "watch_parent"]


def free_addresses(count):
    """Returns so many addresses on the loopback whose ports are free at the moment."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    addresses = ["127.0.0.1:%d" % each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return addresses


def watch_parent():
    """Ends this process when the one that started it is gone, killed or not.

    Returns:
      An event that is set when `Processes.go` is called for this process.
    """
    go = threading.Event()

    def read():
        while os.read(0, 1):
            go.set()
        os._exit(1)  # the other end is closed

    threading.Thread(target=read, daemon=True).start()
    if sys.platform.startswith("linux"):
        # That thread has to wait while TensorFlow waits, for the other processes, in C++.
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    return go


class Processes:
    """Processes that run one script, each as a task of a cluster; leaving the context kills them.

    Args:
      command: the arguments of Python.
      cluster: the addresses for each job; with the task it is in TF_CONFIG.

    Attributes:
      running: the processes, by their name: job and task, as "worker 1".
    """

    def __init__(self, command, cluster):
        self.command = command
        self.cluster = cluster
        self.running = {}
        self._said = queue.Queue()

    def __enter__(self):
        # Asked to end, as by kill, the context is left; killed, the others see it for themselves.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        return self

    def __exit__(self, *error):
        for name in list(self.running):
            self.kill(name)

    def start(self, name):
        job, index = name.split()
        config = {"cluster": self.cluster, "task": {"type": job, "index": int(index)}}
        process = subprocess.Popen(
            [sys.executable] + self.command,
            env=dict(os.environ, TF_CONFIG=json.dumps(config)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for this process alone
        )
        self.running[name] = process
        print("%s: process %d" % (name, process.pid), flush=True)
        threading.Thread(target=self._listen, args=(name, process), daemon=True).start()

    def _listen(self, name, process):
        with process.stdout:
            for line in process.stdout:
                self._said.put((name, process, line.decode(errors="replace").rstrip()))
        self._said.put((name, process, None))

    def go(self, name):
        """Tells a process to go on, if it runs."""
        if name in self.running:
            try:
                self.running[name].stdin.write(b"\n")
                self.running[name].stdin.flush()
            except BrokenPipeError:  # it has just ended
                pass

    def kill(self, name):
        """Kills a process, if it runs."""
        if name in self.running:
            process = self.running.pop(name)
            process.kill()
            process.wait()

    def events(self):
        """Yields names, each with a line that it printed or with its exit status."""
        while self.running:
            name, process, said = self._said.get()
            if self.running.get(name) is process:  # it was not killed here
                if said is None:
                    said = self.running.pop(name).wait()
                yield name, said
