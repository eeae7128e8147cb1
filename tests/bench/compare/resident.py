# SPDX-License-Identifier: GPL-3.0-or-later
"""Competitors: resident processes that answer a line with a line."""

import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


class Failed(Exception):
    pass


class Resident:
    """One process. `first`: a line that it wants before it starts."""

    def __init__(self, name, command, environment, first=None):
        self.name = name
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE, env=environment, text=True)
        self.ready = self._ask(first) if first else self._answer()

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            error = self._process.stderr.read().strip().splitlines()
            raise Failed(f"{self.name}: {error[-1] if error else 'ended without a word'}")
        return json.loads(line)

    def _ask(self, line):
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._answer()

    def run(self, seconds):
        """Median milliseconds a step over so many seconds."""
        return self._ask(f"run {seconds}")["ms"]

    def quit(self):
        """Ends the process; its memory."""
        memory = self._ask("quit")
        self._process.wait()
        return memory

    def kill(self):
        self._process.kill()
        self._process.wait()


def clean_environment():
    """Every competitor's: no switch that changes a library's kernels or threads."""
    kept = {k: v for k, v in os.environ.items()
            if not k.startswith(("OPENBLAS_", "OMP_", "GOMP_", "MKL_", "KMP_", "DNNL_", "ONEDNN_",
                                 "MALLOC_", "ATEN_", "PYTHON"))}
    kept["THREADS"] = str(os.cpu_count())
    return kept


def ours(server, network, batch, mode):
    name = network if isinstance(network, str) else json.dumps(network)
    return Resident("clipscope " + mode, [server, name, str(batch), mode], clean_environment())


def theirs(library, checkout, description, batch, layout):
    environment = clean_environment()
    environment["PYTHONPATH"] = os.pathsep.join(
        [HERE] + [p for p in os.environ.get("COMPARE_PYTHONPATH", "").split(os.pathsep) if p])
    environment["CHECKOUT"] = checkout or ""
    environment["OMP_NUM_THREADS"] = str(os.cpu_count())
    # Memory that was given back would have to be touched again: the allocator keeps it.
    environment["MALLOC_TRIM_THRESHOLD_"] = str(1 << 40)
    environment["MALLOC_MMAP_MAX_"] = "0"
    return Resident(library, [sys.executable, os.path.join(HERE, "torch_server.py"), library,
                              str(batch), layout], environment, json.dumps(description))


def describe(server, network):
    """The network's complete JSON, with every width."""
    name = network if isinstance(network, str) else json.dumps(network)
    done = subprocess.run([server, "describe", name], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def plain_step_holds(server, network):
    """Does our step without privacy move the weights as the Trainer does without clipping and
    noise?"""
    return subprocess.run([server, "check", network, "50"], capture_output=True).returncode == 0
