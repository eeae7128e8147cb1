# SPDX-License-Identifier: Apache-2.0
"""The recorder with Opacus itself, where CLIPSCOPE_OPACUS names a checkout (1.4.0 runs with torch
1.13; of newer ones what they take from torch 2 is lent by functorch). What Opacus needs besides
(opt_einsum, scipy) is looked for on PYTHONPATH. Ends with 77 where nothing was run."""
import os
import socket
import sys
import tempfile
import types
import unittest
import warnings

import numpy as np

CHECKOUT = os.environ.get("CLIPSCOPE_OPACUS", "")
if not CHECKOUT:
    print("CLIPSCOPE_OPACUS names no checkout of Opacus: not run with it")
    sys.exit(77)

import torch  # noqa: E402
import torch.multiprocessing as multiprocessing  # noqa: E402
from torch import nn  # noqa: E402

from runs import (BATCH, LEARNING_RATE, SIZE, Recording, clipscope, data, double_gradients,  # noqa: E402
                  maybe_record, network)

from clipscope_recorder import RecorderWarning  # noqa: E402


def lend_torch_2():
    """What Opacus 1.5 imports from torch 2, from what torch 1.13 has."""
    import functorch
    lent = types.ModuleType("torch.func")
    lent.grad, lent.vmap = functorch.grad, functorch.vmap
    lent.functional_call = torch.nn.utils.stateless.functional_call
    sys.modules["torch.func"] = torch.func = lent
    nn.RMSNorm = type("RMSNorm", (nn.Module,), {})


sys.path.insert(0, CHECKOUT)
warnings.filterwarnings("ignore", category=UserWarning)
warnings.filterwarnings("ignore", category=FutureWarning)
warnings.filterwarnings("ignore", category=RuntimeWarning)
try:
    import opacus
except ImportError:
    for name in [name for name in sys.modules if name.partition(".")[0] == "opacus"]:
        del sys.modules[name]
    lend_torch_2()
    import opacus
    if __name__ == "__main__":
        print("torch", torch.__version__, "with what Opacus wants of torch 2 lent")
from opacus import PrivacyEngine  # noqa: E402
from opacus.utils.batch_memory_manager import BatchMemoryManager  # noqa: E402

if __name__ == "__main__":
    print("Opacus", opacus.__version__)
IS_1_5 = tuple(int(part) for part in opacus.__version__.split(".")[:2]) >= (1, 5)
SIGMA, C = 0.9, 0.7
PER_LAYER = [0.5, 0.3, 0.8, 0.4]


def make(mode, clipping, c, accountant="rdp", adapts=False, **options):
    torch.manual_seed(4)
    dataset, module = data(), network()
    inner = torch.optim.SGD(module.parameters(), lr=LEARNING_RATE)
    loader = torch.utils.data.DataLoader(dataset, batch_size=BATCH)
    criterion = nn.CrossEntropyLoss()
    if adapts:
        from opacus.utils.adaptive_clipping.adaptive_clipping_utils import (
            PrivacyEngineAdaptiveClipping)
        engine = PrivacyEngineAdaptiveClipping(accountant=accountant)
    else:
        engine = PrivacyEngine(accountant=accountant)
    if IS_1_5:
        options["criterion"] = criterion
    made = engine.make_private(module=module, optimizer=inner, data_loader=loader,
                               noise_multiplier=SIGMA, max_grad_norm=c, clipping=clipping,
                               grad_sample_mode=mode, **options)
    if len(made) == 4:
        model, optimizer, criterion, loader = made
    else:
        model, optimizer, loader = made
    return module, model, optimizer, loader, engine, criterion


class TestOpacus(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "run.clipscope")

    def train(self, recorded, mode, clipping, c, physical=None, **options):
        module, model, optimizer, loader, engine, criterion = make(mode, clipping, c, **options)
        truth = []
        with maybe_record(recorded, optimizer, self.path, privacy_engine=engine, model=model,
                          data_loader=loader) as recorder:
            batches = BatchMemoryManager(data_loader=loader, max_physical_batch_size=physical,
                                         optimizer=optimizer).__enter__() if physical else loader
            for x, y in batches:
                truth.append((x, y, double_gradients(module, x, y)[0]))
                optimizer.zero_grad()
                outputs = model(x)
                loss = criterion(outputs, y)
                loss.backward()
                if recorded:
                    recorder.observe(loss=getattr(loss, "loss_per_sample", loss), outputs=outputs)
                optimizer.step()
        return [p.detach().clone() for p in module.parameters()], truth, engine

    def check(self, mode="hooks", clipping="flat", c=C, physical=None, **options):
        expected, _, _ = self.train(False, mode, clipping, c, physical, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("error", RecorderWarning)
            found, truth, engine = self.train(True, mode, clipping, c, physical, **options)
        for a, b in zip(expected, found):
            self.assertTrue(torch.equal(a, b))
        recording = Recording(self.path)
        self.assertTrue(recording.meta["library"].startswith("Opacus " + opacus.__version__))
        self.assertEqual(recording.meta["examples_known"], "1")
        dataset = data()
        at = 0
        for step in range(1, recording.steps + 1):
            sizes = recording.blob("library_steps", step, "physical", "<i4")
            norms = np.concatenate([t[2] for t in truth[at:at + len(sizes)]])
            x = torch.cat([t[0] for t in truth[at:at + len(sizes)]])
            at += len(sizes)
            drawn = recording.batch(step, "examples", "<i4")
            # Rows are by example: the same rows of the data set as went through the model.
            np.testing.assert_array_equal(dataset.tensors[0][torch.from_numpy(drawn.astype(int))], x)
            np.testing.assert_allclose(recording.batch(step, "norms", "<f4", 4), norms, rtol=2e-5)
            thresholds = recording.detail(step, "thresholds")
            own = norms if len(thresholds) > 1 else np.linalg.norm(norms, axis=1, keepdims=True)
            np.testing.assert_allclose(
                recording.batch(step, "factors", "<f4", len(thresholds)),
                np.minimum(1, thresholds / (own + 1e-6)), rtol=2e-5)
        self.assertEqual(at, len(truth))
        if engine.accountant.mechanism() == "rdp":
            self.assertAlmostEqual(recording.number(recording.steps, "epsilon"),
                                   engine.get_epsilon(1e-5), places=9)
        self.assertAlmostEqual(float(recording.meta["reported_epsilon"]), engine.get_epsilon(1e-5))
        return recording

    def test_hooks(self):
        self.check()
        out, code = clipscope("lint", self.path)
        self.assertEqual(code, 0, out)

    def test_functorch(self):
        self.check(mode="functorch")

    def test_expanded_weights(self):
        self.check(mode="ew")

    def test_physical_batches(self):
        self.check(physical=7)

    def test_per_layer(self):
        self.check(clipping="per_layer", c=PER_LAYER)

    def test_prv_in_the_program(self):
        """Opacus' PRV ε, against what the program fills in: both are bounds of one number."""
        recording = self.check(accountant="prv")
        out, _ = clipscope("info", self.path)
        line = next(line for line in out.splitlines() if line.startswith("last step"))
        ours = float(line.split("ε ")[1].split(" ")[0])
        self.assertAlmostEqual(ours, float(recording.meta["reported_epsilon"]), delta=0.03)

    def test_rdp_in_the_program(self):
        recording = self.check()
        asked, _ = clipscope("epsilon", "--noise-multiplier", str(SIGMA), "--sample-rate",
                             repr(recording.number(1, "sample_rate")), "--steps",
                             str(recording.steps), "--delta", "1e-5", "--accountant", "rdp-opacus")
        self.assertAlmostEqual(float(asked.split()[-1]),
                               recording.number(recording.steps, "epsilon"), places=6)

    def test_adaptive(self):
        if not IS_1_5:
            self.skipTest("make_private of this version has no adaptive clipping")
        self.check(clipping="adaptive", unclipped_num_std=2.0, target_unclipped_quantile=0.5,
                   clipbound_learning_rate=0.2, min_clipbound=0.05, max_clipbound=20.0)
        out, code = clipscope("lint", self.path)
        self.assertEqual(code, 1)
        self.assertIn("hands its accountant z", out)

    def test_ghost(self):
        if not IS_1_5:
            self.skipTest("this version has no ghost clipping")
        self.check(mode="ghost")

    def test_adaptive_ghost(self):
        """C moves between the two backward passes of each step."""
        if not IS_1_5:
            self.skipTest("this version has no ghost clipping")
        recording = self.check(mode="ghost", adapts=True, target_unclipped_quantile=0.5,
                               min_clipbound=0.05, max_clipbound=20.0,
                               clipbound_learning_rate=0.2)
        c = {recording.number(step, "max_grad_norm") for step in range(1, recording.steps + 1)}
        self.assertGreater(len(c), 3)
        for step in range(1, recording.steps + 1):
            self.assertAlmostEqual(recording.number(step, "noise_multiplier"), SIGMA, places=6)
            self.assertGreater(recording.number(step, "gradient_noise_multiplier"), SIGMA)
        out, code = clipscope("lint", self.path)
        self.assertEqual(code, 1)
        self.assertIn("hands its accountant z", out)

    def test_distributed(self):
        for clipping, c in (("flat", C), ("per_layer", PER_LAYER)):
            with self.subTest(clipping):
                path = os.path.join(self.folder.name, clipping + ".clipscope")
                saved = os.path.join(self.folder.name, "saved")
                plain = spawn(path, False, saved, clipping, c)
                found = spawn(path, True, saved, clipping, c)
                for a, b in zip(plain, found):
                    for p, q in zip(a, b):
                        self.assertTrue(torch.equal(p, q))
                out, code = clipscope("info", path)
                self.assertEqual(code, 0, out)
                self.assertIn("ranks          2", out)
                for rank in range(2):
                    recording = Recording(os.path.join(
                        self.folder.name, "%s.rank%d.clipscope" % (clipping, rank)))
                    self.assertEqual(recording.steps, 13)
                    self.assertEqual(recording.meta["notes"], "[]")


def train_distributed(rank, port, path, recorded, saved, clipping, c):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.distributed.init_process_group("gloo", rank=rank, world_size=2)
    torch.set_num_threads(1)
    torch.manual_seed(4)
    from opacus.distributed import DifferentiallyPrivateDistributedDataParallel as DPDDP
    module = network()
    module = DPDDP(module) if clipping == "flat" else nn.parallel.DistributedDataParallel(module)
    inner = torch.optim.SGD(module.parameters(), lr=LEARNING_RATE)
    engine = PrivacyEngine(accountant="rdp")
    model, optimizer, loader = engine.make_private(
        module=module, optimizer=inner, data_loader=torch.utils.data.DataLoader(data(), BATCH),
        noise_multiplier=SIGMA, max_grad_norm=c, clipping=clipping)
    torch.manual_seed(100 + rank)
    with maybe_record(recorded, optimizer, path, privacy_engine=engine, model=model,
                      data_loader=loader) as recorder:
        for x, y in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            if recorded:
                recorder.observe(loss=loss)
            optimizer.step()
    torch.save([p.detach() for p in model.parameters()], "%s%d" % (saved, rank))


def spawn(path, recorded, saved, clipping, c):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(train_distributed, (port, path, recorded, saved, clipping, c), nprocs=2)
    return [torch.load("%s%d" % (saved, rank)) for rank in range(2)]


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
