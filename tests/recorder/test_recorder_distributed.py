# SPDX-License-Identifier: Apache-2.0
"""Two processes over gloo on the loopback: a file each, and one run of both."""
import os
import socket
import tempfile
import unittest

from runs import (BATCH, LEARNING_RATE, SIZE, Recording, clipscope, data, double_gradients,
                  maybe_record, network)
import standin

import numpy as np
import torch
import torch.multiprocessing as multiprocessing
from torch import nn

WORLD, SIGMA, C, STEPS = 2, 0.9, 0.7, 5


def train(rank, port, path, recorded, saved):
    """One process: a sampler of its own half, its own share of B, the same weights."""
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.distributed.init_process_group("gloo", rank=rank, world_size=WORLD)
    torch.set_num_threads(1)
    dataset = data()
    module = network()
    inner = torch.optim.SGD(module.parameters(), lr=LEARNING_RATE)
    optimizer = standin.DistributedDPOptimizer(
        inner, noise_multiplier=SIGMA, max_grad_norm=C, expected_batch_size=BATCH / WORLD,
        generator=torch.Generator().manual_seed(11))
    model = standin.Model(module)

    class Half(standin.PoissonSampler):
        def __iter__(self):
            for batch in super().__iter__():
                yield torch.tensor(batch)[torch.tensor(batch) % WORLD == rank]

    # Every process sees the same draws and takes its own.
    sampler = Half(SIZE, BATCH / SIZE, STEPS, torch.Generator().manual_seed(3))
    loader = torch.utils.data.DataLoader(dataset, batch_sampler=sampler)
    engine = standin.PrivacyEngine(optimizer, dataset, BATCH / SIZE)
    truth = []
    with maybe_record(recorded, optimizer, path, privacy_engine=engine, model=model,
                      data_loader=loader) as recorder:
        for x, y in loader:
            norms, rows = double_gradients(module, x, y)
            before = [p.detach().clone() for p in module.parameters()]
            optimizer.zero_grad()
            outputs = model(x)
            loss = nn.functional.cross_entropy(outputs, y)
            model.backward(nn.functional.cross_entropy, x, y)
            if recorded:
                recorder.observe(loss=loss, outputs=outputs)
            optimizer.step()
            factors = np.minimum(1, C / (np.linalg.norm(norms, axis=1) + 1e-6))
            sums = [sum(f * row[t] for f, row in zip(factors, rows)) for t in range(4)]
            truth.append((norms, sums, float(loss),
                          [(b.detach() - a).double().numpy().reshape(-1)
                           for a, b in zip(before, module.parameters())]))
    torch.save(([p.detach() for p in module.parameters()], truth), "%s%d" % (saved, rank))


def spawn(path, recorded, saved):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(train, (port, path, recorded, saved), nprocs=WORLD)
    return [torch.load("%s%d" % (saved, rank)) for rank in range(WORLD)]


class TestDistributed(unittest.TestCase):
    def test_two_processes(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "run.clipscope")
            plain = spawn(path, False, os.path.join(folder, "plain"))
            found = spawn(path, True, os.path.join(folder, "found"))
            for (expected, _), (parameters, _) in zip(plain, found):
                for a, b in zip(expected, parameters):
                    self.assertTrue(torch.equal(a, b))
            files = [Recording(os.path.join(folder, "run.rank%d.clipscope" % rank))
                     for rank in range(WORLD)]
            for step in range(1, STEPS + 1):
                parts = [truth[step - 1] for _, truth in found]
                total = [sum(part[1][t] for part in parts) for t in range(4)]
                for rank, recording in enumerate(files):
                    norms, sums, loss, _ = parts[rank]
                    np.testing.assert_allclose(recording.batch(step, "norms", "<f4", 4), norms,
                                               rtol=2e-5)
                    self.assertAlmostEqual(recording.number(step, "signal"),
                                           float(np.linalg.norm(np.concatenate(sums))), places=4)
                    self.assertAlmostEqual(recording.number(step, "loss"), loss, places=5)
                    self.assertEqual(recording.number(step, "expected_batch_size"), BATCH / WORLD)
                    self.assertEqual(recording.number(step, "noise_std"),
                                     SIGMA * C if rank == 0 else 0)
                # Of the sum over both, from rank 0 after the reduction.
                reduced = files[0].database.execute(
                    "SELECT reduced_signal FROM library_steps WHERE step = ?", (step,)).fetchone()[0]
                self.assertAlmostEqual(reduced, float(np.linalg.norm(np.concatenate(total))),
                                       places=3)
                np.testing.assert_allclose(
                    files[0].blob("library_steps", step, "reduced_tensor_signal", "<f8"),
                    [np.linalg.norm(v) for v in total], rtol=2e-3)
                z = [-moved * BATCH / LEARNING_RATE - s for moved, s in zip(parts[0][3], total)]
                self.assertAlmostEqual(files[0].number(step, "noise_realised"),
                                       float(np.linalg.norm(np.concatenate(z))), delta=1e-2)
            out, code = clipscope("info", path)
            self.assertEqual(code, 0, out)
            self.assertIn("ranks          2", out)
            tables = os.path.join(folder, "tables")
            out, code = clipscope("export", path, "--out", tables)
            self.assertEqual(code, 0, out)
            with open(os.path.join(tables, "examples.csv")) as csv:
                rows = [line.rstrip("\n").split(",") for line in csv][1:]
            drawn = {step: sum(len(truth[step - 1][0]) for _, truth in found)
                     for step in range(1, STEPS + 1)}
            for step in range(1, STEPS + 1):
                of = [row for row in rows if int(row[0]) == step]
                self.assertEqual(len(of), drawn[step])
                examples = [int(row[1]) for row in of]
                self.assertEqual(examples, sorted(examples))
                for row in of:
                    self.assertEqual(int(row[-1]), int(row[1]) % WORLD)
            out, code = clipscope("lint", path)
            self.assertEqual(code, 0, out)


if __name__ == "__main__":
    unittest.main(verbosity=2)
