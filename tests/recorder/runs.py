# SPDX-License-Identifier: Apache-2.0
"""What the recorder's tests share: a small training run, its gradients computed a second way, and a
reader of recordings that has nothing of the recorder's."""
import contextlib
import os
import sqlite3
import subprocess
import sys

try:
    import numpy as np
    import torch
    from torch import nn
except ImportError as error:
    print("%s: not run; apt-get install python3-torch brings it" % error)
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "resources", "python"))

from clipscope_recorder import record  # noqa: E402

SIZE, CLASSES, BATCH, LEARNING_RATE = 300, 3, 24, 0.2


def data():
    generator = torch.Generator().manual_seed(7)
    x = torch.randn(SIZE, 6, generator=generator)
    y = (x[:, 0] > 0).long() + (x[:, 1] > 0.3).long()
    return torch.utils.data.TensorDataset(x, y)


def layers():
    return nn.Sequential(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, CLASSES))


def network(seed=1):
    torch.manual_seed(seed)
    return layers()


def double_gradients(module, x, y):
    """Norms of each example's gradient by tensor, in double, by a loop: examples × tensors, and the
    gradients themselves."""
    # A network of its own: the module may have hooks.
    with torch.random.fork_rng():
        twin = layers().double()
    parameters = list(twin.parameters())
    with torch.no_grad():
        for p, q in zip(parameters, module.parameters()):
            p.copy_(q)
    rows = []
    for k in range(len(x)):
        loss = nn.functional.cross_entropy(twin(x[k:k + 1].double()), y[k:k + 1])
        rows.append([g.reshape(-1).numpy() for g in torch.autograd.grad(loss, parameters)])
    norms = np.array([[np.linalg.norm(g) for g in row] for row in rows]).reshape(
        len(x), len(parameters))
    return norms, rows


class Recording:
    """A recording, read with sqlite3 alone."""

    def __init__(self, path):
        self.database = sqlite3.connect("file:%s?mode=ro" % path, uri=True)
        self.meta = dict(self.database.execute("SELECT key, value FROM meta"))
        self.tensors = [n for n, in self.database.execute("SELECT name FROM tensors ORDER BY tensor")]
        self.steps = self.database.execute("SELECT count(*) FROM steps").fetchone()[0]

    def number(self, step, name):
        return self.database.execute("SELECT %s FROM steps WHERE step = ?" % name,
                                     (step,)).fetchone()[0]

    def blob(self, table, step, name, kind, columns=None):
        row = self.database.execute("SELECT %s FROM %s WHERE step = ?" % (name, table),
                                    (step,)).fetchone()
        if row is None:
            return None
        values = np.frombuffer(row[0], kind)
        return values if columns is None else values.reshape(-1, columns)

    def batch(self, step, name, kind, columns=None):
        return self.blob("batches", step, name, kind, columns)

    def detail(self, step, name, kind="<f8"):
        return self.blob("details", step, name, kind)


def clipscope(*arguments):
    """The program on a recording; its output and exit code."""
    done = subprocess.run([os.environ["CLIPSCOPE_PROGRAM"], *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, encoding="utf-8", check=False)
    return done.stdout, done.returncode


def maybe_record(recorded, *arguments, **options):
    return record(*arguments, **options) if recorded else contextlib.nullcontext()
