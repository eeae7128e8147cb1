# SPDX-License-Identifier: GPL-3.0-or-later
"""Another library's side: a resident process that holds one network, batch and kind of step, and
times it when it is asked. Speaks as bench_step_server does (tests/bench/bench_step_server.cpp).

Arguments: LIBRARY BATCH LAYOUT, the library one of plain (PyTorch's SGD without privacy), hooks and
ghost (Opacus, from the checkout in CHECKOUT), fastdp (from the checkout in CHECKOUT); the layout
contiguous or channels_last. The first line of the input is the network's JSON.
"""

import json
import os
import statistics
import sys
import time

import torch
from torch import nn

import torch_network


def status_mib(name):
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(name + ":"):
                return int(line.split()[1]) / 1024
    return 0.0


def plain(model, x, y):
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    loss_of = nn.CrossEntropyLoss()

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss_of(model(x), y).backward()
        optimizer.step()

    return step


def hooks(model, x, y):
    from opacus.grad_sample import GradSampleModule
    from opacus.optimizers import DPOptimizer

    model = GradSampleModule(model, batch_first=True, loss_reduction="mean")
    optimizer = DPOptimizer(torch.optim.SGD(model.parameters(), lr=1e-3), noise_multiplier=1.1,
                            max_grad_norm=1.0, expected_batch_size=len(x))
    loss_of = nn.CrossEntropyLoss()

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss_of(model(x), y).backward()
        optimizer.step()

    return step


def ghost(model, x, y):
    if not hasattr(torch, "func"):  # before PyTorch 2; ghost clipping does not use it
        import absent_modules

        absent_modules.pretend("torch.func")
    if not hasattr(nn, "RMSNorm"):
        nn.RMSNorm = type("RMSNorm", (nn.Module,), {})
    from opacus.grad_sample.grad_sample_module_fast_gradient_clipping import (
        GradSampleModuleFastGradientClipping)
    from opacus.optimizers.optimizer_fast_gradient_clipping import DPOptimizerFastGradientClipping
    from opacus.utils.fast_gradient_clipping_utils import DPLossFastGradientClipping

    model = GradSampleModuleFastGradientClipping(
        model, batch_first=True, loss_reduction="mean", max_grad_norm=1.0, use_ghost_clipping=True)
    optimizer = DPOptimizerFastGradientClipping(
        torch.optim.SGD(model.parameters(), lr=1e-3), noise_multiplier=1.1, max_grad_norm=1.0,
        expected_batch_size=len(x))
    loss_of = DPLossFastGradientClipping(model, optimizer, nn.CrossEntropyLoss(), "mean")

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss_of(model(x), y).backward()
        optimizer.step()

    return step


def fastdp(model, x, y):
    import absent_modules

    absent_modules.pretend("transformers")
    from fastDP import PrivacyEngine

    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    engine = PrivacyEngine(model, batch_size=len(x), sample_size=50000, epochs=1,
                           noise_multiplier=1.1, clipping_mode="MixOpt",
                           clipping_style="all-layer", clipping_fn="Abadi")
    engine.attach(optimizer)
    loss_of = nn.CrossEntropyLoss()

    def step():
        loss_of(model(x), y).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def timed(step, seconds):
    times = []
    start = last = time.perf_counter()
    while len(times) < 3 or last - start < seconds:
        step()
        now = time.perf_counter()
        times.append(1e3 * (now - last))
        last = now
    return {"ms": statistics.median(times), "steps": len(times)}


def main():
    library, batch, layout = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    # What a library prints is not part of the protocol.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(value):
        print(json.dumps(value), file=answers, flush=True)

    if os.environ.get("CHECKOUT"):
        sys.path.insert(0, os.environ["CHECKOUT"])
    torch.set_num_threads(int(os.environ["THREADS"]))
    description = json.loads(sys.stdin.readline())
    torch.manual_seed(1)
    x = torch.randn(batch, *description["input"])
    y = torch.arange(batch) % 10
    with open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")
    loaded = status_mib("VmRSS")
    model = torch_network.network(description)
    if layout == "channels_last":
        x = x.to(memory_format=torch.channels_last)
        model = model.to(memory_format=torch.channels_last)
    step = {"plain": plain, "hooks": hooks, "ghost": ghost, "fastdp": fastdp}[library](model, x, y)
    for _ in range(3):
        step()
    answer({"ready": True, "loaded_mib": loaded,
            "parameters": sum(p.numel() for p in model.parameters())})
    for line in sys.stdin:
        words = line.split()
        if words[0] == "quit":
            break
        answer(timed(step, float(words[1])))
    answer({"peak_mib": status_mib("VmHWM") - loaded, "anonymous_mib": status_mib("RssAnon")})


if __name__ == "__main__":
    main()
