# SPDX-License-Identifier: Apache-2.0
"""clipscope_recorder.py with the stand-in's optimisers, against gradients computed a second way."""
import math
import os
import signal
import subprocess
import sys
import tempfile
import unittest
import warnings

from runs import (BATCH, CLASSES, LEARNING_RATE, SIZE, Recording, clipscope, data,
                  double_gradients, maybe_record, network)
import standin

import numpy as np
import torch
from torch import nn

from clipscope_recorder import RecorderWarning, record

ADAPTIVE = dict(unclipped_num_std=2.0, target_unclipped_quantile=0.5, clipbound_learning_rate=0.2,
                min_clipbound=0.05, max_clipbound=20.0)
PER_LAYER = [0.5, 0.3, 0.8, 0.4]
SIGMA, C = 0.9, 0.7


class Run:
    """A training run of some kind. `truth`: what each step's gradients were, in double."""

    def __init__(self, kind="flat", steps=6, rate=BATCH / SIZE, physical=None, reduction="mean",
                 mechanism="made_up", schedule=False):
        self.kind, self.physical, self.schedule = kind, physical, schedule
        self.dataset = data()
        module = network()
        self.model = standin.GhostModel(module, C) if kind == "ghost" else standin.Model(module)
        self.module = module
        inner = torch.optim.SGD(module.parameters(), lr=LEARNING_RATE)
        noise = torch.Generator().manual_seed(11)
        others = dict(noise_multiplier=SIGMA, expected_batch_size=BATCH, loss_reduction=reduction,
                      generator=noise)
        if kind == "per_layer":
            self.optimizer = standin.DPPerLayerOptimizer(inner, max_grad_norm=PER_LAYER, **others)
        elif kind == "adaptive":
            self.optimizer = standin.AdaClipDPOptimizer(inner, max_grad_norm=C, **ADAPTIVE, **others)
        elif kind == "ghost":
            self.optimizer = standin.DPOptimizerFastGradientClipping(inner, max_grad_norm=C,
                                                                     **others)
        else:
            self.optimizer = standin.DPOptimizer(inner, max_grad_norm=C, **others)
        sampler = standin.PoissonSampler(SIZE, rate, steps, torch.Generator().manual_seed(3))
        self.loader = torch.utils.data.DataLoader(
            self.dataset, batch_sampler=sampler,
            collate_fn=lambda rows: torch.utils.data.default_collate(rows) if rows else
            (torch.zeros(0, 6), torch.zeros(0, dtype=torch.long)))
        self.engine = standin.PrivacyEngine(self.optimizer, self.dataset, rate, mechanism)
        self.drawn, self.norms, self.gradients, self.before, self.after, self.losses = \
            [], [], [], [], [], []

    def record(self, path, **options):
        return record(self.optimizer, path, privacy_engine=self.engine, model=self.model,
                      data_loader=self.loader, **options)

    def train(self, recorder=None, watch=True):
        scheduler = torch.optim.lr_scheduler.ExponentialLR(self.optimizer, 0.9) \
            if self.schedule else None
        for x, y in self.loader:
            if watch:
                norms, rows = double_gradients(self.module, x, y)
                self.norms.append(norms)
                self.gradients.append(rows)
                self.before.append([p.detach().clone() for p in self.module.parameters()])
            parts = list(zip(x.split(self.physical), y.split(self.physical))) \
                if self.physical and len(x) else [(x, y)]
            for k, (xs, ys) in enumerate(parts):
                self.optimizer.zero_grad()
                outputs = self.model(xs)
                losses = nn.functional.cross_entropy(outputs, ys, reduction="none")
                self.model.backward(nn.functional.cross_entropy, xs, ys)
                if recorder is not None:
                    recorder.observe(loss=losses, outputs=outputs)
                if self.physical and len(x):
                    self.optimizer.signal_skip_step(k + 1 < len(parts))
                self.optimizer.step()
            self.optimizer.zero_grad()
            if scheduler:
                scheduler.step()
            if watch:
                self.after.append([p.detach().clone() for p in self.module.parameters()])
        return [p.detach().clone() for p in self.module.parameters()]


class TestRecorder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "run.clipscope")

    def same(self, **options):
        """A run with and without recorder: to the bit, with the same random numbers and hooks."""
        plain, watched = Run(**options), Run(**options)
        torch.manual_seed(5)
        expected, state = plain.train(), torch.get_rng_state()
        torch.manual_seed(5)
        with warnings.catch_warnings():
            warnings.simplefilter("error", RecorderWarning)
            with watched.record(self.path) as recorder:
                found = watched.train(recorder)
        for a, b in zip(expected, found):
            self.assertTrue(torch.equal(a, b))
        self.assertTrue(torch.equal(state, torch.get_rng_state()))
        self.assertEqual(plain.engine.accountant.history, watched.engine.accountant.history)
        # As it was before.
        for name in ("clip_and_accumulate", "add_noise", "step"):
            self.assertNotIn(name, vars(watched.optimizer))
        if not options.get("schedule"):
            self.assertNotIn("step", vars(watched.optimizer.original_optimizer))
        self.assertIs(type(watched.loader.batch_sampler), standin.PoissonSampler)
        return watched, Recording(self.path)

    def check(self, run, recording, thresholds):
        """Every number of every step against gradients in double."""
        tensors = recording.tensors
        self.assertEqual(tensors, ["0.weight", "0.bias", "2.weight", "2.bias"])
        self.assertEqual(recording.steps, len(run.norms))
        groups = len(thresholds(1))
        for k, norms in enumerate(run.norms):
            step, batch = k + 1, len(norms)
            c = np.array(thresholds(step))
            self.assertEqual(recording.number(step, "batch_size"), batch)
            self.assertAlmostEqual(recording.number(step, "max_grad_norm"),
                                   float(np.sqrt((c ** 2).sum())), places=6)
            found = recording.batch(step, "norms", "<f4", len(tensors))
            np.testing.assert_allclose(found, norms, rtol=2e-5, atol=1e-7)
            total = np.sqrt((norms ** 2).sum(axis=1, keepdims=True))
            own = norms if groups > 1 else total
            factors = np.minimum(1, c / (own + 1e-6))
            np.testing.assert_allclose(recording.batch(step, "factors", "<f4", groups), factors,
                                       rtol=2e-5)
            if batch == 0:
                self.assertIsNone(recording.number(step, "norm_q50"))
                continue
            for q in (5, 25, 50, 75, 95):
                self.assertAlmostEqual(recording.number(step, "norm_q%02d" % q),
                                       float(np.quantile(total, q / 100)), places=5)
            self.assertAlmostEqual(recording.number(step, "clipped_fraction"),
                                   float((factors < 1).any(axis=1).mean()), places=9)
            # s, what became of it, and z from the step that the parameters made.
            sums, unclipped = [], []
            for t in range(len(tensors)):
                f = factors[:, t if groups > 1 else 0]
                sums.append(sum(fi * row[t] for fi, row in zip(f, run.gradients[k])))
                unclipped.append(sum(row[t] for row in run.gradients[k]))
            s, u = np.concatenate(sums), np.concatenate(unclipped)
            self.assertAlmostEqual(recording.number(step, "signal"), np.linalg.norm(s), places=4)
            np.testing.assert_allclose(recording.detail(step, "tensor_signal"),
                                       [np.linalg.norm(v) for v in sums], rtol=1e-4)
            if recording.number(step, "bias_ratio") is not None:
                self.assertAlmostEqual(recording.number(step, "bias_ratio"),
                                       np.linalg.norm(s - u) / np.linalg.norm(u), places=4)
                self.assertAlmostEqual(recording.number(step, "bias_cosine"),
                                       s @ u / np.linalg.norm(s) / np.linalg.norm(u), places=4)
            denominator = BATCH if run.optimizer.loss_reduction == "mean" else 1
            rate = recording.number(step, "learning_rate")
            moved = [((b - a).double().numpy().reshape(-1)) for a, b in
                     zip(run.before[k], run.after[k])]
            z = [-m * denominator / rate - v for m, v in zip(moved, sums)]
            np.testing.assert_allclose(recording.detail(step, "tensor_noise_realised"),
                                       [np.linalg.norm(v) for v in z], rtol=2e-3)
            self.assertAlmostEqual(recording.number(step, "noise_realised"),
                                   float(np.linalg.norm(np.concatenate(z))), delta=1e-2)
            self.assertAlmostEqual(recording.number(step, "update_norm"),
                                   float(np.linalg.norm(np.concatenate(moved))), places=5)
            self.assertEqual(recording.detail(step, "noise_histogram", "<i4").sum(), len(s))
            lengths = np.sqrt(((factors if groups > 1 else factors.repeat(len(tensors), 1)) ** 2 *
                               norms ** 2).sum(axis=1))
            self.assertAlmostEqual(recording.number(step, "retained_norm"),
                                   lengths.sum() / total.sum(), places=5)
            worst = recording.number(step, "worst_contribution")
            if run.kind == "ghost":
                self.assertIsNone(worst)  # no gradient was there to be checked
            else:
                self.assertAlmostEqual(worst, lengths.max(), places=5)
            self.assertEqual(recording.number(step, "sensitivity_exceeded"), 0)

    def test_flat(self):
        run, recording = self.same()
        self.check(run, recording, lambda step: [C])
        self.assertEqual(recording.meta["mode"], "flat")
        std = SIGMA * C
        self.assertAlmostEqual(recording.number(2, "noise_std"), std)
        self.assertAlmostEqual(recording.number(2, "noise_expected"),
                               std * math.sqrt(float(recording.meta["dimension"])))
        self.assertAlmostEqual(recording.number(2, "update_noise"), LEARNING_RATE * std / BATCH)
        self.assertAlmostEqual(recording.number(1, "sample_rate"), BATCH / SIZE)
        out, code = clipscope("lint", self.path)
        self.assertEqual(code, 0, out)

    def test_which_examples(self):
        run, recording = self.same()
        sampler = standin.PoissonSampler(SIZE, BATCH / SIZE, 6, torch.Generator().manual_seed(3))
        labels = run.dataset.tensors[1].numpy()
        for step, drawn in enumerate(sampler, 1):
            self.assertEqual(recording.batch(step, "examples", "<i4").tolist(), drawn)
            np.testing.assert_array_equal(recording.batch(step, "labels", "<i4"), labels[drawn])
            losses = recording.batch(step, "losses", "<f4")
            self.assertAlmostEqual(losses.mean(), recording.number(step, "loss"), places=5)
            self.assertTrue((recording.batch(step, "predictions", "<i4") >= 0).all())
        self.assertEqual(recording.meta["examples_known"], "1")
        self.assertEqual(recording.database.execute("SELECT name FROM classes").fetchall(),
                         [("0",), ("1",), ("2",)])

    def test_physical_batches(self):
        run, recording = self.same(physical=7)
        self.check(run, recording, lambda step: [C])
        for step in range(1, recording.steps + 1):
            sizes = recording.blob("library_steps", step, "physical", "<i4")
            self.assertEqual(sizes.sum(), recording.number(step, "batch_size"))
            self.assertTrue(sizes.max() <= 7)

    def test_per_layer(self):
        run, recording = self.same(kind="per_layer")
        self.check(run, recording, lambda step: PER_LAYER)
        self.assertEqual(recording.database.execute("SELECT name FROM group_names").fetchall(),
                         [(t,) for t in recording.tensors])
        # One std for all, by the thresholds' L2 norm.
        self.assertAlmostEqual(recording.number(1, "noise_std"), SIGMA * np.linalg.norm(PER_LAYER),
                               places=6)

    def test_adaptive(self):
        run, recording = self.same(kind="adaptive")
        c = [recording.number(step, "max_grad_norm") for step in range(1, recording.steps + 1)]
        self.check(run, recording, lambda step: [c[step - 1]])
        self.assertGreater(len(set(c)), 1)
        z = (SIGMA ** -2 - (2 * ADAPTIVE["unclipped_num_std"]) ** -2) ** -0.5
        for step in range(1, recording.steps + 1):
            before, after, count, noisy, skipped = recording.detail(step, "adaptive")
            self.assertAlmostEqual(before, c[step - 1])
            if step < recording.steps:
                self.assertAlmostEqual(after, c[step], places=6)
            total = np.linalg.norm(run.norms[step - 1], axis=1)
            self.assertEqual(count, (total + 1e-6 <= before).sum())
            self.assertAlmostEqual(
                after, before * math.exp(-ADAPTIVE["clipbound_learning_rate"] * (noisy - 0.5)),
                places=5)
            self.assertAlmostEqual(recording.number(step, "noise_multiplier"), SIGMA)
            self.assertAlmostEqual(recording.number(step, "gradient_noise_multiplier"), z)
        out, code = clipscope("lint", self.path)
        self.assertEqual(code, 1)
        self.assertIn("hands its accountant z", out)
        self.assertIn("batch drawn, which is private", out)

    def test_ghost(self):
        run, recording = self.same(kind="ghost")
        self.check(run, recording, lambda step: [C])
        self.assertEqual(recording.meta["mode"], "ghost")

    def test_ghost_with_two_c(self):
        run = Run(kind="ghost")
        run.optimizer.max_grad_norm = C / 2
        with self.assertWarnsRegex(RecorderWarning, "clips at C"):
            with run.record(self.path):
                run.train()
        recording = Recording(self.path)
        self.assertAlmostEqual(recording.number(1, "sensitivity"), C)
        self.assertAlmostEqual(recording.number(1, "effective_sigma"), SIGMA / 2)
        out, code = clipscope("lint", self.path)
        self.assertEqual(code, 1)
        self.assertIn("the noise is worth 0.45", out)

    def test_sum(self):
        run, recording = self.same(reduction="sum")
        self.check(run, recording, lambda step: [C])
        out, _ = clipscope("lint", self.path)
        self.assertIn("of different scales", out)  # the model is for a mean

    def test_empty_batches(self):
        run, recording = self.same(rate=0.004, steps=12)
        self.assertIn(0, [len(n) for n in run.norms])
        self.check(run, recording, lambda step: [C])
        self.assertEqual(recording.meta["examples_known"], "1")

    def test_scheduler(self):
        """One that wraps step() itself, made while the recorder listens."""
        run = Run(schedule=True)
        with run.record(self.path) as recorder:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # torch warns where its own wrapper is lost
                run.train(recorder)
        recording = Recording(self.path)
        for step in range(1, 7):
            self.assertAlmostEqual(recording.number(step, "learning_rate"),
                                   LEARNING_RATE * 0.9 ** (step - 1))

    def test_bounded(self):
        run = Run()
        state = np.random.get_state()[1].copy()
        with run.record(self.path, examples=8, every=2) as recorder:
            run.train(recorder)
        np.testing.assert_array_equal(state, np.random.get_state()[1])
        recording = Recording(self.path)
        for step in range(1, 7):
            found = recording.batch(step, "norms", "<f4", 4)
            if step % 2 == 0:
                self.assertIsNone(found)
                continue
            self.assertEqual(found.shape, (8, 4))
            drawn = recording.batch(step, "examples", "<i4")
            self.assertTrue((np.diff(drawn) > 0).all())
            total = np.linalg.norm(run.norms[step - 1], axis=1)
            for norm in np.linalg.norm(found, axis=1):
                self.assertLess(np.abs(total - norm).min(), 1e-4)
            # Numbers of the step are of the whole batch.
            self.assertAlmostEqual(recording.number(step, "norm_q50"), np.median(total), places=5)
        out, code = clipscope("export", self.path, "--out",
                              os.path.join(self.folder.name, "tables"))
        self.assertEqual(code, 0, out)

    def test_epsilon(self):
        """Of an accountant that takes long only at the end; the program has its own in between."""
        run = Run(mechanism="prv")
        with run.record(self.path) as recorder:
            run.train(recorder)
        recording = Recording(self.path)
        self.assertIsNone(recording.number(6, "epsilon"))
        self.assertEqual(float(recording.meta["reported_epsilon"]), 0.75)
        out, _ = clipscope("info", self.path)
        self.assertIn("its own ε      0.75", out)
        asked, _ = clipscope("epsilon", "--noise-multiplier", str(SIGMA), "--sample-rate",
                             str(BATCH / SIZE), "--steps", "6", "--delta", "1e-5", "--accountant",
                             "prv")
        line = next(line for line in out.splitlines() if line.startswith("last step"))
        self.assertIn("%.4g" % float(line.split("ε ")[1].split(" ")[0]), line)
        epsilon = line.split("ε ")[1].split(" ")[0]
        self.assertIn(epsilon[:4], asked)

    def test_unknown_examples(self):
        """A loader that is not the one that trains is found out."""
        run, other = Run(), Run()
        with self.assertWarnsRegex(RecorderWarning, "not those that the loader drew"):
            with record(run.optimizer, self.path, privacy_engine=run.engine, model=run.model,
                        data_loader=other.loader):
                iterator = iter(other.loader)
                next(iterator), next(iterator)
                run.train()
        self.assertEqual(Recording(self.path).meta["examples_known"], "0")

    def test_another_rule_is_noticed(self):
        run = Run()
        before = run.optimizer.clip_and_accumulate.__func__

        class Halving(standin.DPOptimizer):
            def clip_and_accumulate(self):
                before(self)
                for p in self.params:
                    p.summed_grad = p.summed_grad / 2

        run.optimizer.__class__ = Halving
        with self.assertWarnsRegex(RecorderWarning, "does not clip by"):
            with run.record(self.path):
                run.train()
        out, _ = clipscope("lint", self.path)
        self.assertIn("clip factors shown are not its own", out)

    def test_not_finite(self):
        run = Run(steps=2)
        run.dataset.tensors[0][:40] = math.nan
        with run.record(self.path):
            run.train(watch=False)
        recording = Recording(self.path)
        self.assertGreater(recording.number(1, "non_finite"), 0)
        out, code = clipscope("lint", self.path, "--step", "1")
        self.assertEqual(code, 1)
        self.assertIn("sums them like any other", out)

    def test_shuffled(self):
        run = Run()
        loader = torch.utils.data.DataLoader(run.dataset, batch_size=BATCH, shuffle=True)
        run.loader = loader
        with run.record(self.path):
            run.train()
        recording = Recording(self.path)
        self.assertEqual(recording.number(1, "scheme"), "shuffled")
        self.assertEqual(recording.meta["examples_known"], "1")
        out, code = clipscope("lint", self.path)
        self.assertEqual(code, 1)
        self.assertIn("takes them for Poisson samples", out)

    def test_refusals(self):
        run = Run()

        class FullyShardedDataParallel(nn.Module):
            pass

        class FSDPOptimizer(standin.DPOptimizer):
            pass

        for optimizer, model in ((run.optimizer, FullyShardedDataParallel()),
                                 (object.__new__(FSDPOptimizer), run.model)):
            with self.assertRaisesRegex(ValueError, "FSDP.*|FullySharded.*"):
                record(optimizer, self.path, model=model, data_loader=run.loader)
        with self.assertRaisesRegex(ValueError, "dataset_size"):
            record(run.optimizer, self.path)
        with self.assertRaisesRegex(ValueError, "give model="):
            record(Run(kind="ghost").optimizer, self.path, data_loader=run.loader)
        with self.assertRaisesRegex(ValueError, "model is needed"):
            record(torch.optim.SGD(run.module.parameters(), lr=1), self.path)
        with self.assertRaisesRegex(OSError, "another place"):
            with run.record("/nowhere/run.clipscope"):
                pass
        with run.record(self.path):
            with self.assertRaisesRegex(OSError, "another program|there already"):
                with run.record(self.path, overwrite=True):
                    pass
        self.assertEqual(os.listdir(self.folder.name), [])  # without a step nothing is left
        with run.record(self.path):
            run.train(watch=False)
        with self.assertRaisesRegex(FileExistsError, "overwrite"):
            with run.record(self.path):
                pass
        self.assertEqual(os.listdir(self.folder.name), ["run.clipscope"])

    def test_a_failure_does_not_stop_the_run(self):
        plain, run = Run(), Run()
        expected = plain.train()
        with self.assertWarnsRegex(RecorderWarning, "recording stopped at step 2, the training"):
            with run.record(self.path) as recorder:
                whole = recorder._write

                def fails_later(*arguments):
                    if recorder.step == 2:
                        raise OSError("no space left on device")
                    whole(*arguments)

                recorder._write = fails_later
                found = run.train(recorder)
        for a, b in zip(expected, found):
            self.assertTrue(torch.equal(a, b))
        self.assertEqual(Recording(self.path).steps, 2)
        out, code = clipscope("info", self.path)
        self.assertEqual(code, 0, out)

    def test_killed(self):
        """What was committed is there; the lock of the dead holds nobody up."""
        script = ("import os, sys; sys.path.insert(0, %r); import test_recorder as t\n"
                  "run = t.Run(steps=4)\n"
                  "with run.record(%r) as recorder:\n"
                  "    run.train(recorder)\n"
                  "    print('trained', flush=True); import time; time.sleep(60)\n"
                  % (os.path.dirname(os.path.abspath(__file__)), self.path))
        child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
        self.assertEqual(child.stdout.readline().strip(), b"trained")
        out, code = clipscope("info", self.path)
        self.assertEqual(code, 0, out)
        self.assertIn("being written by another program", out)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        out, code = clipscope("info", self.path)
        self.assertEqual(code, 0, out)
        self.assertNotIn("being written", out)
        self.assertIn("steps          4", out)

    def test_plain(self):
        """Of PyTorch without clipping: norms, and nothing of the run is touched."""
        def train(recorded):
            torch.manual_seed(2)
            dataset = data()
            module = nn.Sequential(network(), nn.Dropout(0.0))
            optimizer = torch.optim.SGD(module.parameters(), lr=LEARNING_RATE, momentum=0.5)
            loader = torch.utils.data.DataLoader(dataset, batch_size=BATCH, shuffle=True)
            norms = []
            with maybe_record(recorded, optimizer, self.path, model=module, data_loader=loader,
                              loss=nn.CrossEntropyLoss()) as recorder:
                for x, y in loader:
                    if recorded:
                        norms.append(double_gradients(module, x, y)[0])
                        recorder.look(x, y)
                    optimizer.zero_grad()
                    nn.functional.cross_entropy(module(x), y).backward()
                    optimizer.step()
            return [p.detach() for p in module.parameters()], torch.get_rng_state(), norms

        expected, state, _ = train(False)
        found, state_after, norms = train(True)
        for a, b in zip(expected, found):
            self.assertTrue(torch.equal(a, b))
        self.assertTrue(torch.equal(state, state_after))
        recording = Recording(self.path)
        self.assertEqual(recording.steps, len(norms))
        for step, truth in enumerate(norms, 1):
            values = recording.batch(step, "norms", "<f4", 4)
            np.testing.assert_allclose(np.sort(np.linalg.norm(values, axis=1)),
                                       np.sort(np.linalg.norm(truth, axis=1)), rtol=2e-5)
            self.assertTrue((recording.batch(step, "factors", "<f4") == 1).all())
        self.assertEqual(recording.number(1, "strategy"), "none")
        out, _ = clipscope("lint", self.path)
        self.assertIn("Nothing is clipped", out)

    def test_plain_one_by_one(self):
        """Where neither torch.func nor functorch is there."""
        dataset = data()
        module = network()
        optimizer = torch.optim.SGD(module.parameters(), lr=1)
        x, y = dataset[:5]
        recorder = record(optimizer, self.path, model=module, loss=nn.CrossEntropyLoss(),
                          dataset_size=SIZE)
        with recorder:
            together, losses = recorder._per_sample(x, y)
            alone, others = recorder._one_by_one(x, y)
        for a, b in zip(together, alone):
            torch.testing.assert_close(a, b)
        torch.testing.assert_close(losses, others)

    def test_batch_norm_is_refused(self):
        module = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Linear(4, CLASSES))
        optimizer = torch.optim.SGD(module.parameters(), lr=1)
        with self.assertWarnsRegex(RecorderWarning, "mixes the examples"):
            with record(optimizer, self.path, model=module, loss=nn.CrossEntropyLoss(),
                        dataset_size=SIZE) as recorder:
                recorder.look(*data()[:5])


if __name__ == "__main__":
    unittest.main(verbosity=2)
