#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What recording costs a step of Opacus: the MNIST CNN at a batch of 256, hooks, with and without
the recorder in turns. Prints the medians and the median of the paired ratios with its quartiles.

    tests/bench/recorder/overhead.py OPACUS_CHECKOUT [rounds] [threads]
"""
import os
import statistics
import sys
import tempfile
import time
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [sys.argv[1], os.path.join(HERE, "..", "..", "..", "resources", "python")]
warnings.filterwarnings("ignore")

import torch  # noqa: E402
from torch import nn  # noqa: E402

from clipscope_recorder import record  # noqa: E402
from opacus import PrivacyEngine  # noqa: E402

ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 150
torch.set_num_threads(int(sys.argv[3]) if len(sys.argv) > 3 else 2)
SIZE, BATCH, WARM_UP = 10000, 256, 5

torch.manual_seed(0)
dataset = torch.utils.data.TensorDataset(torch.randn(SIZE, 1, 28, 28),
                                         torch.randint(0, 10, (SIZE,)))
x, y = dataset[:BATCH]
loss_of = nn.CrossEntropyLoss()


def make():
    model = nn.Sequential(
        nn.Conv2d(1, 16, 8, 2, padding=3), nn.ReLU(), nn.MaxPool2d(2, 1),
        nn.Conv2d(16, 32, 4, 2), nn.ReLU(), nn.MaxPool2d(2, 1),
        nn.Flatten(), nn.Linear(512, 32), nn.ReLU(), nn.Linear(32, 10))
    engine = PrivacyEngine(accountant="rdp")
    model, optimizer, _ = engine.make_private(
        module=model, optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        data_loader=torch.utils.data.DataLoader(dataset, batch_size=BATCH),
        noise_multiplier=1.1, max_grad_norm=1.0)
    return model, optimizer, engine


def step(model, optimizer, recorder=None):
    start = time.perf_counter()
    optimizer.zero_grad()
    outputs = model(x)
    loss = loss_of(outputs, y)
    loss.backward()
    if recorder is not None:
        recorder.observe(loss=loss, outputs=outputs)
    optimizer.step()
    return time.perf_counter() - start


plain, watched = make(), make()
pairs = []
with tempfile.TemporaryDirectory() as folder:
    with record(watched[1], os.path.join(folder, "run.clipscope"), privacy_engine=watched[2],
                model=watched[0], dataset_size=SIZE) as recorder:
        for k in range(ROUNDS + WARM_UP):
            if k % 2:
                without = step(*plain[:2])
                with_it = step(*watched[:2], recorder)
            else:
                with_it = step(*watched[:2], recorder)
                without = step(*plain[:2])
            if k >= WARM_UP:
                pairs.append((without, with_it))
low, middle, high = statistics.quantiles([b / a for a, b in pairs], n=4)
print("Opacus step %.1f ms, recorded %.1f ms, ratio %.3f (quartiles %.3f to %.3f, %d pairs)" % (
    1e3 * statistics.median(a for a, _ in pairs), 1e3 * statistics.median(b for _, b in pairs),
    middle, low, high, len(pairs)))
