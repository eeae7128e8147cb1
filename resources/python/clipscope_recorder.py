# SPDX-License-Identifier: Apache-2.0
"""Records a run of Opacus, or of plain PyTorch, for Clipscope to open, also while it trains.

    from clipscope_recorder import record

    with record(optimizer, "run.clipscope", privacy_engine=privacy_engine, model=model,
                data_loader=data_loader):
        ...  # the training loop, as it was

One file, which may be copied into any project. It needs numpy and PyTorch, and whatever of Opacus
the run itself uses: modes are told apart by what the optimiser has, not by version.

What it does not do: change the run. It reads what the optimiser has at hand in the middle of a
step, draws no random numbers of PyTorch's or numpy's, and leaves gradients, hooks and parameters
as they are. Where it fails itself (a full disk) it warns once and stops; the training goes on.

A recording is NOT PRIVATE: it holds norms, losses and labels of single examples.

Names and formulas: s = Σ f_i g_i the clipped sum, z the noise, C the clipping norm, σ the noise
multiplier that ε is about (`gradient_noise_multiplier` is what scales the noise), q the sample
rate, B the expected batch size. The file is described in Clipscope's recording_format.md.
"""
from __future__ import annotations

import json
import math
import os
import sqlite3
import sys
import time
import types
import warnings
from collections import deque

import numpy as np
import torch

try:
    import fcntl
except ImportError:  # no lock then: a reader does not know that the run is still going
    fcntl = None

__all__ = ["record", "Recorder", "RecorderWarning"]
__version__ = "1"


class RecorderWarning(UserWarning):
    """The recording is not, or no longer, what was asked for; the training is not touched."""


def record(optimizer, path, *, privacy_engine=None, model=None, data_loader=None, delta=None,
           loss=None, dataset_size=None, classes=None, examples=None, every=1,
           unclipped_sum=True, overwrite=False):
    """A context manager that writes each step of `optimizer` to `path`.

    optimizer       Opacus' DPOptimizer of any kind (flat, per layer, adaptive, ghost, distributed);
                    or any torch optimiser, see Recorder.look
    path            "run.clipscope"; of a distributed run each rank writes "run.rank0.clipscope", …
    privacy_engine  gives ε and q; without it q is the loader's and ε is left out
    model           gives names to tensors and layers; needed for ghost clipping and plain PyTorch
    data_loader     gives the numbers of the examples drawn, labels and classes
    delta           of ε; 1e-5 unless given
    loss            of plain PyTorch: loss(outputs, targets), for Recorder.look
    dataset_size    N, where neither engine nor loader knows it
    classes         names of the classes, where the data set has none
    examples        record at most so many examples of a batch, drawn at random (the numbers by step
                    are of all of them); None: all
    every           record tables of examples every so many steps; the numbers by step always
    unclipped_sum   form Σ g_i as well, for what clipping does to the mean (one more pass)
    overwrite       replace a recording that is there

    Raises ValueError for what cannot be recorded, with the reason; OSError for the file.
    """
    return Recorder(optimizer, path, privacy_engine=privacy_engine, model=model,
                    data_loader=data_loader, delta=delta, loss=loss, dataset_size=dataset_size,
                    classes=classes, examples=examples, every=every,
                    unclipped_sum=unclipped_sum, overwrite=overwrite)


# ---- The file ----------------------------------------------------------------------------------

_APPLICATION_ID = 0x434C5053
_VERSION = 3

_NUMBERS = (
    "batch_size expected_batch_size sample_rate epoch noise_multiplier gradient_noise_multiplier "
    "loss max_grad_norm next_max_grad_norm suggested_max_grad_norm clipped_fraction "
    "above_one_fraction non_finite norm_q05 norm_q25 norm_q50 norm_q75 norm_q95 norm_max signal "
    "noise_std noise_expected noise_realised snr snr_realised effective_sigma retained_norm "
    "bias_ratio bias_cosine bias_scale_free worst_contribution worst_example sensitivity "
    "sensitivity_exceeded learning_rate update_norm update_noise parameter_norm epsilon delta "
    "simulated seconds_sample seconds_forward seconds_backward seconds_norms seconds_clip "
    "seconds_noise seconds_update seconds_account joined kept kept_bytes "
    "test_examples test_loss test_accuracy").split()
_TEXTS = "scheme strategy accountant sampling neighbours invalid_because".split()
_DETAILS = ("thresholds group_noise_stds group_clipped_fractions group_of tensor_signal "
            "tensor_bias_ratio tensor_bias_cosine tensor_noise_expected tensor_noise_realised "
            "adaptive noise_histogram layer_times").split()
_BATCH = "examples labels losses predictions norms factors".split()


def _schema():
    """The tables; a reader wants them to the letter."""
    def blobs(table, columns):
        return ("CREATE TABLE %s (id INTEGER PRIMARY KEY, branch INTEGER NOT NULL, step INTEGER NOT"
                " NULL%s)" % (table, "".join(", %s BLOB NOT NULL" % c for c in columns)))

    return (
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        "CREATE TABLE tensors (tensor INTEGER PRIMARY KEY, name TEXT NOT NULL, layer TEXT NOT NULL,"
        " size INTEGER NOT NULL, shape TEXT NOT NULL)",
        "CREATE TABLE layers (layer INTEGER PRIMARY KEY, name TEXT NOT NULL)",
        "CREATE TABLE classes (class INTEGER PRIMARY KEY, name TEXT NOT NULL)",
        "CREATE TABLE branches (branch INTEGER PRIMARY KEY, parent INTEGER, fork_step INTEGER NOT "
        "NULL, name TEXT NOT NULL)",
        "CREATE TABLE settings (branch INTEGER NOT NULL, first_step INTEGER NOT NULL, experiment "
        "TEXT NOT NULL, PRIMARY KEY (branch, first_step)) WITHOUT ROWID",
        "CREATE TABLE group_names (branch INTEGER NOT NULL, first_step INTEGER NOT NULL, "
        "group_index INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (branch, first_step, "
        "group_index)) WITHOUT ROWID",
        "CREATE TABLE steps (branch INTEGER NOT NULL, step INTEGER NOT NULL" +
        "".join(", %s REAL" % c for c in _NUMBERS) +
        "".join(", %s TEXT NOT NULL" % c for c in _TEXTS) +
        ", PRIMARY KEY (branch, step)) WITHOUT ROWID",
        blobs("details", _DETAILS),
        "CREATE UNIQUE INDEX details_by_step ON details (branch, step)",
        blobs("batches", _BATCH),
        "CREATE UNIQUE INDEX batches_by_step ON batches (branch, step)",
        "CREATE TABLE checkpoints (id INTEGER PRIMARY KEY, branch INTEGER NOT NULL, step INTEGER "
        "NOT NULL, experiment TEXT NOT NULL, parameters BLOB NOT NULL, optimizer_steps INTEGER NOT "
        "NULL, optimizer_sizes BLOB NOT NULL, optimizer_buffers BLOB NOT NULL, accounted BLOB NOT "
        "NULL, medians BLOB NOT NULL, thresholds BLOB NOT NULL, shuffle_step INTEGER NOT NULL, "
        "shuffle_epoch INTEGER NOT NULL, epoch_sigma REAL, accounted_sampling TEXT NOT "
        "NULL, private_denominator INTEGER NOT NULL)",
        "CREATE UNIQUE INDEX checkpoints_by_step ON checkpoints (branch, step)",
        "CREATE TABLE library_steps (branch INTEGER NOT NULL, step INTEGER NOT NULL, physical BLOB "
        "NOT NULL, reduced_signal REAL, reduced_tensor_signal BLOB NOT NULL, PRIMARY KEY (branch, "
        "step)) WITHOUT ROWID",
    )


def _insert(table, columns):
    return "INSERT INTO %s (branch, step, %s) VALUES (0, ?%s)" % (
        table, ", ".join(columns), ", ?" * len(columns))


class _File:
    """A recording that is being written: one commit a step, so that others can follow."""

    def __init__(self, path, overwrite):
        self.path = path
        self._lock = None
        if os.path.exists(path) and not overwrite:
            raise FileExistsError("%s is there already; choose another name, or say overwrite=True"
                                  % path)
        self._take_lock()
        try:
            for suffix in ("", "-wal", "-shm"):
                if os.path.exists(path + suffix):
                    os.remove(path + suffix)
            self.database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            run = self.database.execute
            run("PRAGMA journal_mode = WAL")
            run("PRAGMA synchronous = NORMAL")
            run("BEGIN IMMEDIATE")
            run("PRAGMA application_id = %d" % _APPLICATION_ID)
            run("PRAGMA user_version = %d" % _VERSION)
            for sql in _schema():
                run(sql)
            # Committed with the first step: a reader never sees half a description.
        except sqlite3.Error as error:
            self._give_lock()
            raise OSError("%s cannot be written: %s; choose another place" % (path, error)) \
                from error
        self.has_steps = False

    def _take_lock(self):
        try:
            descriptor = os.open(self.path + "-lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise OSError("%s cannot be written: %s; choose another place"
                          % (self.path, error.strerror)) from error
        if fcntl is not None:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
                raise OSError("%s is written by another program now" % self.path) from None
        self._lock = descriptor

    def _give_lock(self):
        if self._lock is None:
            return
        try:
            os.remove(self.path + "-lock")
        except OSError:
            pass
        os.close(self._lock)
        self._lock = None

    def describe(self, meta, tensors, layers, classes):
        run = self.database.execute
        for key, value in meta.items():
            run("INSERT INTO meta VALUES (?, ?)", (key, str(value)))
        for k, (name, layer, size, shape) in enumerate(tensors):
            run("INSERT INTO tensors VALUES (?, ?, ?, ?, ?)",
                (k, name, layer, size, json.dumps(shape)))
        for k, name in enumerate(layers):
            run("INSERT INTO layers VALUES (?, ?)", (k, name))
        for k, name in enumerate(classes):
            run("INSERT INTO classes VALUES (?, ?)", (k, name))
        run("INSERT INTO branches VALUES (0, NULL, 0, 'main')")

    def begin(self):
        if not self.database.in_transaction:
            self.database.execute("BEGIN IMMEDIATE")

    def commit(self):
        self.database.execute("COMMIT")
        self.has_steps = True

    def close(self):
        """Without a step nothing is left behind; after a failure what was committed stays."""
        try:
            if self.database.in_transaction:
                self.database.execute("ROLLBACK")
            self.database.close()
            if not self.has_steps:
                for suffix in ("", "-wal", "-shm"):
                    if os.path.exists(self.path + suffix):
                        os.remove(self.path + suffix)
        finally:
            self._give_lock()


# ---- What the optimiser has ----------------------------------------------------------------------

def _replace(target, name, make):
    """Puts make(original) in the place of a method of this one object, and says how to undo it.

    As a bound method: learning-rate schedulers look for `__func__` and for their own mark.
    """
    own = vars(target)
    had, before = name in own, own.get(name)
    original = getattr(target, name)
    function = make(original)
    function.__name__ = name
    if getattr(original, "_with_counter", False):
        function._with_counter = True
    method = types.MethodType(function, target)
    setattr(target, name, method)

    def undo():
        if vars(target).get(name) is not method:
            return  # wrapped again by another: it passes through
        if had:
            setattr(target, name, before)
        else:
            delattr(target, name)

    return undo


class _Tap:
    """An iterator over batches of indices that notes what passes."""

    def __init__(self, source, queue):
        self._source, self._queue = iter(source), queue

    def __iter__(self):
        return self

    def __next__(self):
        batch = next(self._source)
        self._queue.append(batch)
        return batch


def _listen(sampler, queue):
    """Has every batch that `sampler` yields in `queue`; says how to undo it. The object stays the
    same and of its own class, for whoever asks for either."""
    original = type(sampler)

    def iterate(self):
        queue.clear()  # what was fetched ahead and never used
        return _Tap(original.__iter__(self), queue)

    sampler.__class__ = type(original.__name__, (original,), {"__iter__": iterate})

    def undo():
        sampler.__class__ = original

    return undo


def _number(value):
    """A float, of a tensor as well; None for nothing."""
    return None if value is None else float(value)


def _lengths(values):
    """Norms by parameter, as one float32 array; a single transfer from the device."""
    return torch.stack([v.float() for v in values]).cpu().numpy()


def _unwrapped(name):
    """Without the prefixes of wrappers around a model."""
    parts = [part for part in name.split(".")]
    while parts and parts[0] in ("_module", "module"):
        parts = parts[1:]
    return ".".join(parts)


def _find_module(model, attribute):
    if model is not None:
        for module in model.modules():
            if hasattr(type(module), attribute):
                return module
    return None


def _is_sharded(thing):
    return thing is not None and any(
        "FSDP" in c.__name__ or "FullySharded" in c.__name__ for c in type(thing).__mro__)


_KINDS = {"sgd": "sgd", "adam": "adam", "adamw": "adam", "adagrad": "adagrad",
          "rmsprop": "rmsprop"}


class Recorder:
    """What record() gives; a context manager."""

    def __init__(self, optimizer, path, *, privacy_engine, model, data_loader, delta, loss,
                 dataset_size, classes, examples, every, unclipped_sum, overwrite):
        for thing in (optimizer, model, *(model.modules() if model is not None else ())):
            if _is_sharded(thing):
                raise ValueError(
                    "%s: a fully sharded run cannot be recorded, since no process has whole "
                    "gradients of its parameters; record it with DistributedDataParallel"
                    % type(thing).__name__)
        if every < 1 or (examples is not None and examples < 1):
            raise ValueError("every and examples must be at least 1")
        self.optimizer, self.model, self.engine = optimizer, model, privacy_engine
        self.loader, self.loss_function = data_loader, loss
        self.delta = 1e-5 if delta is None else float(delta)
        self.most_examples, self.every = examples, every
        self.unclipped_sum = unclipped_sum
        self.inner = getattr(optimizer, "original_optimizer", optimizer)
        self.mode = self._mode()
        self.parameters = [p for group in optimizer.param_groups for p in group["params"]
                           if p.requires_grad]
        if not self.parameters:
            raise ValueError("the optimizer has no trainable parameters")
        self.size = dataset_size if dataset_size is not None else self._dataset_size()
        if self.size is None:
            raise ValueError("how many training examples there are is not known: give data_loader, "
                             "or dataset_size")
        self.rank = int(getattr(optimizer, "rank", 0))
        self.world = int(getattr(optimizer, "world_size", 1))
        path = os.fspath(path)
        if self.world > 1:
            stem, suffix = os.path.splitext(path)
            path = "%s.rank%d%s" % (stem, self.rank, suffix or ".clipscope")
        self.path = path
        self.classes = classes
        self.step = 0
        self.notes = []
        self._overwrite = overwrite
        self._undo = []
        self._drawn = None  # batches of indices, in the order of the loader
        self._pieces, self._given = [], []
        self._settings = None
        self._charged = {}
        self._rows = np.random.Generator(np.random.PCG64(0))
        self._failed = False
        self._file = None
        self._now = self._z = self._before = None  # of the step that is under way
        self._asked = None  # norms of a ghost backward pass that no coefficients came of
        self._adapts = False  # C follows the norms between the passes of a ghost backward
        self._clip_seconds = self._noise_seconds = self._update_seconds = 0.0
        self._known = True  # the examples' numbers, in every step so far

    # -- Beginning and end

    def _mode(self):
        """By what the optimiser has."""
        o = self.optimizer
        if not hasattr(o, "clip_and_accumulate"):
            if self.model is None:
                raise ValueError("of an optimizer without per-sample gradients the model is needed:"
                                 " record(optimizer, path, model=model, loss=loss), and then "
                                 "look(inputs, targets) in each step")
            return "plain"
        if hasattr(o, "accumulate"):
            self.clipper = _find_module(self.model, "get_clipping_coef")
            if self.clipper is None:
                raise ValueError("with ghost clipping the module clips: give model=, the one that "
                                 "make_private returned")
            return "ghost"
        if hasattr(o, "_ddp_per_layer_hook"):
            return "hooked"
        if hasattr(o, "max_grad_norms"):
            return "per_layer"
        if hasattr(o, "target_unclipped_quantile"):
            return "adaptive"
        return "flat"

    def _dataset_size(self):
        for owner in (self.loader, self.engine):
            dataset = getattr(owner, "dataset", None)
            try:
                if dataset is not None:
                    return len(dataset)
            except TypeError:
                pass
        return None

    def __enter__(self):
        if self._file is not None:
            raise ValueError("this recorder was used before; call record() again")
        self._file = _File(self.path, self._overwrite)
        try:
            self._names()
            self._listen()
            self._labels()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for undo in reversed(self._undo):
            undo()
        self._undo.clear()
        if self._file is not None and not self._failed:
            self._safely(self._write_reported)
        if self._file is not None and not self._failed:
            self._file.close()
        self._failed = True
        return False

    def _fail(self, error):
        """A recorder that cannot go on must not stop the run."""
        if self._failed:
            return
        self._failed = True
        warnings.warn("%s: recording stopped at step %d, the training goes on: %s: %s"
                      % (self.path, self.step, type(error).__name__, error), RecorderWarning,
                      stacklevel=4)
        try:
            self._file.close()
        except Exception:  # the same disk, most likely
            pass

    def _safely(self, work, *arguments):
        if self._failed:
            return
        try:
            with torch.no_grad():
                work(*arguments)
        except Exception as error:
            self._fail(error)

    def _names(self):
        known, titles, layers = {}, {}, []
        if self.model is not None:
            for name, p in self.model.named_parameters():
                known.setdefault(id(p), _unwrapped(name))
            for name, module in self.model.named_modules():
                name = _unwrapped(name)
                if name and next(module.children(), None) is None:
                    # A number says little, and lint looks for BatchNorm by name.
                    kind = type(module).__name__
                    if name.rpartition(".")[2].isdigit() or "BatchNorm" in kind:
                        titles[name] = "%s (%s)" % (name, kind)
                    layers.append(titles.get(name, name))
        self.tensors = []
        for k, p in enumerate(self.parameters):
            name = known.get(id(p), "parameter%d" % k)
            layer = name.rpartition(".")[0] or name
            layer = titles.get(layer, layer)
            if layer not in layers:
                layers.append(layer)
            self.tensors.append((name, layer, p.numel(), list(p.shape) or [1]))
        self.layers = layers
        self.sizes = np.array([p.numel() for p in self.parameters], dtype=np.float64)
        self.dimension = int(self.sizes.sum())

    def _listen(self):
        """Puts itself between the phases of the step."""
        o = self.optimizer
        if self.mode == "plain":
            return
        if self.mode == "ghost":
            self._undo.append(
                _replace(self.clipper, "get_clipping_coef", self._around_coefficients))
            self._undo.append(_replace(self.clipper, "get_norm_sample", self._around_norms)
                              if hasattr(self.clipper, "get_norm_sample") else lambda: None)
            self._undo.append(_replace(o, "accumulate", self._around_accumulate))
        elif self.mode == "hooked":
            self._listen_to_hooks()
        else:
            self._undo.append(_replace(o, "clip_and_accumulate", self._around_clip))
        if self.mode != "hooked":
            self._undo.append(_replace(o, "add_noise", self._around_noise))
        self._undo.append(_replace(self.inner, "step", self._around_update))
        sampler = getattr(self.loader, "batch_sampler", None)
        if sampler is None:
            return
        # A loader that splits batches has the sampler of whole ones within.
        sampler = getattr(sampler, "sampler", sampler) if hasattr(sampler, "max_batch_size") \
            else sampler
        queue = deque()
        try:
            self._undo.append(_listen(sampler, queue))
            self._drawn = queue
        except TypeError:
            self.notes.append("the batch sampler cannot be listened to: examples have no numbers")

    def _labels(self):
        """Labels and classes that the data set itself has."""
        dataset = getattr(self.loader, "dataset", None)
        labels = getattr(dataset, "targets", None)
        if labels is None and len(getattr(dataset, "tensors", ())) > 1:
            labels = dataset.tensors[1]
        self.labels = None
        if labels is not None:
            labels = np.asarray(labels)
            if labels.ndim == 1 and labels.dtype.kind in "iu" and len(labels) == self.size:
                self.labels = labels.astype(np.int64)
        if self.classes is None:
            self.classes = getattr(dataset, "classes", None)
        if self.classes is None and self.labels is not None and len(self.labels) \
                and 0 <= self.labels.min() and self.labels.max() < 10000:
            self.classes = [str(k) for k in range(int(self.labels.max()) + 1)]
        if self.classes is not None:
            self.classes = [str(name) for name in self.classes]

    # -- What a training loop may tell

    def observe(self, loss=None, labels=None, outputs=None, indices=None):
        """Of the batch whose optimizer.step() comes next, any of: its loss (of each example, or the
        mean), labels, the model's outputs (for predictions), the examples' numbers. With physical
        batches once for each of them."""
        self._safely(self._observe, loss, labels, outputs, indices)

    def _observe(self, loss, labels, outputs, indices):
        def flat(values):
            return None if values is None else np.asarray(torch.as_tensor(values).detach().cpu())

        given = {"loss": flat(loss), "labels": flat(labels), "indices": flat(indices)}
        if outputs is not None and outputs.dim() == 2:
            given["predictions"] = flat(outputs.argmax(dim=1))
            if self.classes is None:
                self.classes = [str(k) for k in range(outputs.shape[1])]
        self._given.append(given)

    def look(self, inputs, targets):
        """Of plain PyTorch: a step with the gradient norms of each example of this batch at the
        parameters as they are, before any C is chosen. Through torch.func or functorch, or one
        example at a time where there is neither. Neither gradients, buffers nor random numbers of
        the run are touched."""
        if self.mode != "plain":
            raise ValueError("look() is for optimizers without per-sample gradients; this one is "
                             "recorded by itself")
        if self.loss_function is None:
            raise ValueError("look() needs record(…, loss=loss)")
        if self._failed:
            return
        try:
            self._look(inputs, targets)
        except Exception as error:
            self._fail(error)

    # -- The phases

    def _around_clip(self, original):
        def clip_and_accumulate(optimizer, *args, **kwargs):
            self._safely(self._see_gradients)
            start = time.perf_counter()
            result = original(*args, **kwargs)
            self._clip_seconds += time.perf_counter() - start
            self._safely(self._see_clipped)
            return result

        return clip_and_accumulate

    def _gradients(self, p):
        """Per-sample gradients of one tensor, b × d_p."""
        g = p.grad_sample
        if isinstance(g, (list, tuple)):
            g = torch.cat(list(g), dim=0)
        return g.flatten(1) if g.dim() > 1 else g.unsqueeze(1)

    def _see_gradients(self):
        """Before they are clipped: factors are local to the call, so they are formed here, by the
        optimiser's own operations."""
        o = self.optimizer
        rows = [self._gradients(p) for p in self.parameters]
        piece = {"sizes": [len(g) for g in self.parameters[0].grad_sample]
                 if isinstance(self.parameters[0].grad_sample, (list, tuple)) else [len(rows[0])]}
        norms = [g.norm(2, dim=-1) for g in rows]
        if self.mode == "per_layer":
            piece["C"] = [_number(c) for c in o.max_grad_norms]
            factors = [(c / (n + 1e-6)).clamp(max=1.0) for n, c in zip(norms, piece["C"])]
        else:
            piece["C"] = [_number(o.max_grad_norm)]
            total = torch.stack(norms, dim=1).norm(2, dim=1)
            factors = [(o.max_grad_norm / (total + 1e-6)).clamp(max=1.0)]
        piece["norms"] = _lengths(norms)
        piece["factors"] = _lengths(factors)
        if self.unclipped_sum:
            # What is not a number would make all of it so.
            finite = np.isfinite(piece["norms"]).all(axis=0)
            if finite.all():
                piece["unclipped"] = [g.sum(dim=0) for g in rows]
            else:
                keep = torch.as_tensor(np.flatnonzero(finite), device=rows[0].device)
                piece["unclipped"] = [g[keep].sum(dim=0) for g in rows]
        self._worst(piece, rows)
        self._before = [None if getattr(p, "summed_grad", None) is None else p.summed_grad.clone()
                        for p in self.parameters] if self.step == 0 and not self._pieces else None
        self._pieces.append(piece)

    def _worst(self, piece, rows):
        """The longest clipped gradient, formed in double."""
        f, n = piece["factors"].astype(np.float64), piece["norms"].astype(np.float64)
        lengths = np.sqrt(((f * n) ** 2).sum(axis=0))
        if not len(lengths) or not np.isfinite(lengths).any():
            return
        worst = int(np.nanargmax(np.where(np.isfinite(lengths), lengths, np.nan)))
        square = 0.0
        for k, g in enumerate(rows):
            factor = float(f[k if len(f) == len(rows) else 0, worst])
            square += float((g[worst].double() * factor).square().sum())
        piece["worst"] = (math.sqrt(square), worst)

    def _see_clipped(self):
        """In the first batch: that the sum is what the factors give."""
        if self._before is None or not self._pieces:
            return
        factors = torch.as_tensor(self._pieces[-1]["factors"])
        error = scale = 0.0
        for k, p in enumerate(self.parameters):
            g = self._gradients(p)
            f = factors[k if len(factors) == len(self.parameters) else 0].to(g.device, g.dtype)
            given = p.summed_grad.reshape(-1)
            if self._before[k] is not None:
                given = given - self._before[k].reshape(-1)
            error += float((given - f @ g).double().square().sum())
            scale += float(given.double().square().sum())
        self._before = None
        if error > 1e-6 * scale:  # squares: a thousandth
            self._note("this optimizer (%s) does not clip by min(1, C/(n + 1e-6)): the clip factors "
                       "shown are not its own" % type(self.optimizer).__name__)

    def _note(self, text):
        if text not in self.notes:
            self.notes.append(text)
            warnings.warn(text, RecorderWarning, stacklevel=6)
            if self._file.has_steps:
                self._file.begin()
                self._file.database.execute("INSERT OR REPLACE INTO meta VALUES ('notes', ?)",
                                            (json.dumps(self.notes),))
                self._file.commit()

    def _around_coefficients(self, original):
        def get_clipping_coef(module, *args, **kwargs):
            coefficients = original(*args, **kwargs)
            self._safely(self._see_coefficients, coefficients)
            return coefficients

        return get_clipping_coef

    def _around_norms(self, original):
        def get_norm_sample(module, *args, **kwargs):
            norms = original(*args, **kwargs)
            self._asked = norms
            return norms

        return get_norm_sample

    def _around_accumulate(self, original):
        def accumulate(optimizer, *args, **kwargs):
            # Where C adapts between the two backward passes the module is asked for norms alone.
            if self._asked is not None:
                self._safely(self._see_adapted)
            self._asked = None
            return original(*args, **kwargs)

        return accumulate

    def _see_adapted(self):
        c = _number(self.clipper.max_grad_norm)
        norms = self._asked
        self._adapts = True
        self._see_coefficients(torch.where(norms <= c, torch.ones_like(norms), c / norms))

    def _see_coefficients(self, coefficients):
        self._asked = None
        norms = [p._norm_sample.reshape(-1) for p in self.parameters]
        piece = {"sizes": [len(norms[0])], "norms": _lengths(norms),
                 "factors": _lengths([coefficients.reshape(-1)]),
                 "C": [_number(self.clipper.max_grad_norm)]}
        # No largest contribution: there is no gradient to form in double, and a factor times its own
        # norm is below C whatever went wrong.
        noise_c = _number(self.optimizer.max_grad_norm)
        if abs(piece["C"][0] - noise_c) > 1e-9 * piece["C"][0]:
            self._note("the module clips at C = %g and the optimizer scales its noise to C = %g: "
                       "the noise is not that of σ" % (piece["C"][0], noise_c))
        self._pieces.append(piece)

    def _listen_to_hooks(self):
        """Per layer and distributed: clipping and noise are in hooks of each parameter."""
        o = self.optimizer
        self._hooked = {}
        home = sys.modules[type(o)._ddp_per_layer_hook.__module__]
        places = {id(p): k for k, p in enumerate(self.parameters)}
        clip = getattr(home, "_clip_and_accumulate_parameter", None)
        if clip is not None:
            def seen(p, max_grad_norm, *args, **kwargs):
                if id(p) in places:
                    self._safely(self._see_hooked_gradient, places[id(p)], p, max_grad_norm)
                return clip(p, max_grad_norm, *args, **kwargs)

            home._clip_and_accumulate_parameter = seen
            self._undo.append(
                lambda: setattr(home, "_clip_and_accumulate_parameter", clip)
                if home._clip_and_accumulate_parameter is seen else None)

        def around_scale(original):
            def _scale_grad_parameter(optimizer, p, *args, **kwargs):
                # From now on p.grad is divided in place, and on most ranks summed_grad with it.
                if id(p) in places:
                    self._safely(self._see_hooked_noise, places[id(p)], p)
                return original(p, *args, **kwargs)

            return _scale_grad_parameter

        self._undo.append(_replace(o, "_scale_grad_parameter", around_scale))

    def _see_hooked_gradient(self, k, p, max_grad_norm):
        g = self._gradients(p)
        norm = g.norm(2, dim=-1)
        c = _number(max_grad_norm)
        seen = self._hooked.setdefault(k, {"norms": [], "factors": [], "sizes": [], "C": c})
        seen["norms"].append(_lengths([norm])[0])
        seen["factors"].append(_lengths([(c / (norm + 1e-6)).clamp(max=1.0)])[0])
        seen["sizes"].append(len(g))
        if self.unclipped_sum:
            total = g.sum(dim=0)
            seen["unclipped"] = total if "unclipped" not in seen else seen["unclipped"] + total

    def _see_hooked_noise(self, k, p):
        z = p.grad.reshape(-1) - p.summed_grad.reshape(-1)
        self._hooked[k]["signal"] = float(p.summed_grad.double().norm())
        self._hooked[k]["z"] = z.clone()
        if "unclipped" in self._hooked[k]:
            u = self._hooked[k]["unclipped"].double()
            s = p.summed_grad.reshape(-1).double()
            self._hooked[k]["bias"] = (float((s - u).square().sum()), float(u.square().sum()),
                                       float(s @ u))

    def _around_noise(self, original):
        def add_noise(optimizer, *args, **kwargs):
            start = time.perf_counter()
            result = original(*args, **kwargs)
            self._noise_seconds = time.perf_counter() - start
            # In here summed_grad is whole: outside, p.grad is divided in place, and on ranks other
            # than 0 it is the same memory.
            self._safely(self._see_noise)
            return result

        return add_noise

    def _see_noise(self):
        o = self.optimizer
        noise_c = _number(o.max_grad_norm)
        step = {"z_sigma": _number(o.noise_multiplier), "noise_C": noise_c}
        step["signal"] = _lengths([p.summed_grad.reshape(-1).double().norm()
                                   for p in self.parameters]).astype(np.float64)
        z = [p.grad.reshape(-1) - p.summed_grad.reshape(-1) for p in self.parameters]
        self._see_z(step, z)
        if self.unclipped_sum and self._pieces and all("unclipped" in p for p in self._pieces):
            bias = []
            for k, p in enumerate(self.parameters):
                u = sum(piece["unclipped"][k] for piece in self._pieces).double()
                s = p.summed_grad.reshape(-1).double()
                bias.append(torch.stack([(s - u).square().sum(), u.square().sum(), s @ u]))
            step["bias"] = torch.stack(bias).cpu().numpy()
        if self.mode == "adaptive":
            step["before"] = noise_c
        self._now = step

    def _see_z(self, step, z):
        step["z"] = _lengths([v.double().norm() for v in z]).astype(np.float64)
        std = step["z_sigma"] * step["noise_C"] if self.rank == 0 else 0.0
        step["std"] = std
        histogram = np.zeros(102, dtype=np.int32)
        if std > 0:
            scaled = torch.cat([v.float() for v in z]) / std
            histogram[0] = int((scaled < -5).sum())
            histogram[101] = int((scaled > 5).sum())
            histogram[1:101] = torch.histc(scaled, bins=100, min=-5, max=5).cpu().numpy()
        step["histogram"] = histogram
        self._z = z if self.world > 1 and self.rank == 0 else None

    def _around_update(self, original):
        def step(optimizer, *args, **kwargs):
            self._safely(self._before_update)
            start = time.perf_counter()
            result = original(*args, **kwargs)
            self._update_seconds = time.perf_counter() - start
            self._safely(self._end_of_step)
            return result

        return step

    def _before_update(self):
        if self.mode == "hooked":
            self._gather_hooked()
        step = self._now
        if step is None:
            return
        step["parameters"] = [p.detach().clone() for p in self.parameters]
        if self._z is not None:
            # The total of all ranks, which has come together in p.grad by now, less the noise.
            scale = 1.0
            if self.optimizer.loss_reduction == "mean":
                scale = (float(self.optimizer.expected_batch_size) * self.world *
                         self._iterations())
            step["reduced"] = _lengths([
                (p.grad.reshape(-1).double() * scale - z.double()).norm()
                for p, z in zip(self.parameters, self._z)]).astype(np.float64)
            self._z = None

    def _gather_hooked(self):
        seen = [self._hooked[k] for k in range(len(self.parameters))]
        self._hooked = {}
        o = self.optimizer
        norms = np.stack([np.concatenate(s["norms"]) for s in seen])
        factors = np.stack([np.concatenate(s["factors"]) for s in seen])
        self._pieces = [{"sizes": list(seen[0]["sizes"]), "norms": norms, "factors": factors,
                         "C": [s["C"] for s in seen]}]
        step = {"z_sigma": _number(o.noise_multiplier), "noise_C": _number(o.max_grad_norm),
                "signal": np.array([s["signal"] for s in seen])}
        self._see_z(step, [s["z"] for s in seen])
        self._z = None  # the hooks' reducer has its own scale
        if all("bias" in s for s in seen):
            step["bias"] = np.array([s["bias"] for s in seen])
        self._now = step

    def _iterations(self):
        """Backward passes in the sum. Hooks have counted them back to 0 by now."""
        try:
            return max(1, int(self.optimizer.accumulated_iterations))
        except (AttributeError, ValueError, TypeError):
            return 1

    # -- A whole step

    def _end_of_step(self):
        step, self._now = self._now, None
        if step is None:
            return
        pieces, self._pieces = self._pieces, []
        given, self._given = self._given, []
        tensors, o = len(self.parameters), self.optimizer
        norms = np.concatenate([p["norms"] for p in pieces], axis=1) if pieces \
            else np.zeros((tensors, 0), np.float32)
        groups = len(pieces[0]["C"]) if pieces else \
            (tensors if self.mode in ("per_layer", "hooked") else 1)
        factors = np.concatenate([p["factors"] for p in pieces], axis=1) if pieces \
            else np.zeros((groups, 0), np.float32)
        thresholds = pieces[0]["C"] if pieces else [step["noise_C"]] * groups
        sensitivity = math.sqrt(sum(c * c for c in thresholds))
        after = [p.detach() for p in self.parameters]
        row = {
            "learning_rate": _number(self.inner.param_groups[0].get("lr")),
            "update_norm": float(np.linalg.norm(_lengths(
                [(a - b).double().norm() for a, b in zip(after, step["parameters"])]))),
            "parameter_norm": float(np.linalg.norm(_lengths([a.double().norm() for a in after]))),
            "seconds_clip": self._clip_seconds, "seconds_noise": self._noise_seconds,
            "seconds_update": self._update_seconds,
        }
        self._clip_seconds = self._noise_seconds = 0.0
        z_sigma = step["z_sigma"]
        sigma, adaptive = z_sigma, np.zeros(0)
        if self.mode == "adaptive" or hasattr(o, "unclipped_num_std"):
            s_b = _number(o.unclipped_num_std)
            # Theorem 1 of arXiv:1905.03871, the other way round.
            sigma = (z_sigma ** -2 + (2 * s_b) ** -2) ** -0.5 if z_sigma > 0 else 0.0
            count = _number(getattr(o, "sample_size", None)) or norms.shape[1]
            noisy = _number(o.unclipped_num) / count if count else math.nan
            row["next_max_grad_norm"] = _number(o.max_grad_norm)
            adaptive = np.array([sensitivity, row["next_max_grad_norm"],
                                 float((factors[0] >= 1).sum()), noisy, 0.0])
        if self._adapts and norms.shape[1] and z_sigma > 0:
            # Its counts have the std b/20, b the batch drawn (Andrew et al. 2019, section 3.1).
            sigma = (z_sigma ** -2 + (2 * norms.shape[1] * self.world / 20) ** -2) ** -0.5
        # Of this rank; the scale of the noise is that of the whole sum.
        effective = sigma
        if thresholds and abs(step["noise_C"] / sensitivity - 1) > 1e-6:
            effective = sigma * step["noise_C"] / sensitivity
        row.update(noise_multiplier=sigma, gradient_noise_multiplier=z_sigma,
                   effective_sigma=effective, max_grad_norm=sensitivity, sensitivity=sensitivity)
        if type(self.inner) is torch.optim.SGD:
            row["update_noise"] = row["learning_rate"] * z_sigma * step["noise_C"] / \
                self._denominator()
        self._write(row, step, norms, factors, thresholds, sensitivity, adaptive,
                    [size for p in pieces for size in p["sizes"]], given,
                    self._worst_of(pieces), "threshold")

    def _denominator(self):
        """What the sum of all ranks is divided by; 1 for a sum."""
        if self.optimizer.loss_reduction != "mean":
            return 1.0
        return float(self.optimizer.expected_batch_size) * self._iterations() * self.world

    @staticmethod
    def _worst_of(pieces):
        worst, offset = (math.nan, -1), 0
        for p in pieces:
            if "worst" in p and not p["worst"][0] <= worst[0]:
                worst = (p["worst"][0], offset + p["worst"][1])
            offset += p["norms"].shape[1]
        return worst

    def _rate(self):
        """q and its sampling: (q, scheme), and whether the accountant takes it for Poisson."""
        accountant = getattr(self.engine, "accountant", None)
        history = getattr(accountant, "history", None)
        sampler = getattr(self.loader, "batch_sampler", None)
        if hasattr(sampler, "max_batch_size"):
            sampler = getattr(sampler, "sampler", sampler)
        own = getattr(sampler, "sample_rate", getattr(self.loader, "sample_rate", None))
        scheme = "poisson" if own is not None or self.loader is None else "shuffled"
        if history:
            return float(history[-1][1]), scheme
        return (float(own) if own is not None else None), scheme

    def _epsilon(self):
        """ε as the privacy engine has it; formed from its history, where that is much faster."""
        accountant = getattr(self.engine, "accountant", None)
        history = getattr(accountant, "history", None)
        if not history:
            return None, ""
        name = accountant.mechanism()
        if name != "rdp":
            return None, name  # takes long each time: Clipscope has the same accountant
        package = type(accountant).__module__.rpartition(".")[0]
        analysis = sys.modules.get(package + ".analysis.rdp")
        if analysis is None or not hasattr(accountant, "DEFAULT_ALPHAS"):
            return float(accountant.get_epsilon(self.delta)), "rdp-opacus"
        orders = accountant.DEFAULT_ALPHAS
        total = 0.0
        for sigma, rate, steps in history:
            one = self._charged.get((sigma, rate))
            if one is None:
                one = self._charged[sigma, rate] = np.asarray(analysis.compute_rdp(
                    q=rate, noise_multiplier=sigma, steps=1, orders=orders))
            total = total + one * steps
        epsilon, _ = analysis.get_privacy_spent(orders=orders, rdp=total, delta=self.delta)
        return float(epsilon), "rdp-opacus"

    def _write_reported(self):
        """At the end, what the privacy engine itself says of ε."""
        accountant = getattr(self.engine, "accountant", None)
        if not self._file.has_steps or not getattr(accountant, "history", None):
            return
        try:
            epsilon = float(accountant.get_epsilon(self.delta))
        except Exception as error:
            self._note("the accountant gives no ε: %s" % error)
            return
        self._file.begin()
        self._file.database.execute("INSERT INTO meta VALUES ('reported_epsilon', ?)",
                                    (repr(epsilon),))
        self._file.commit()

    def _identities(self, batch, sizes, given):
        """Numbers of the examples in the order of the rows; None where they are not known."""
        indices = [g["indices"] for g in given]
        if indices and all(i is not None for i in indices):
            drawn = np.concatenate([np.asarray(i).reshape(-1) for i in indices])
        elif self._drawn:
            # Several where backward ran more than once before a step.
            parts, count = [], 0
            while self._drawn and count < batch:
                part = np.asarray(self._drawn.popleft(), dtype=np.int64).reshape(-1)
                parts.append(part)
                count += len(part)
            if not parts:  # an empty batch
                self._drawn.popleft()
            drawn = np.concatenate(parts) if parts else np.zeros(0, np.int64)
        else:
            return None
        if len(drawn) != batch or len(np.unique(drawn)) != batch:
            return None
        return drawn.astype(np.int64)

    def _given_values(self, given, name, batch):
        values = [g.get(name) for g in given]
        if not values or any(v is None for v in values):
            return None
        values = np.concatenate([np.asarray(v).reshape(-1) for v in values])
        return values if len(values) == batch else None

    def _mean_loss(self, given, sizes):
        losses = [g["loss"] for g in given if g["loss"] is not None]
        if not losses or len(losses) != len(given):
            return None
        weights = [v.size if v.size > 1 else (sizes[k] if k < len(sizes) else 1)
                   for k, v in enumerate(losses)]
        total = sum(weights)
        return sum(float(v.mean()) * w for v, w in zip(losses, weights)) / total if total else None

    def _write(self, row, step, norms, factors, thresholds, sensitivity, adaptive, sizes, given,
               worst, strategy):
        self.step += 1
        batch, tensors, groups = norms.shape[1], norms.shape[0], factors.shape[0]
        if batch > self.size:
            raise ValueError("a batch of %d examples, of %d that there are; give dataset_size"
                             % (batch, self.size))
        n = norms.astype(np.float64)
        f = np.nan_to_num(factors.astype(np.float64), nan=0.0)
        lengths = np.sqrt((n ** 2).sum(axis=0))
        finite = np.isfinite(lengths)
        of_tensor = f if groups == tensors and groups > 1 else np.repeat(f, tensors, axis=0)
        clipped = (f < 1).any(axis=0)
        with np.errstate(invalid="ignore"):
            kept = np.sqrt(((of_tensor * n) ** 2).sum(axis=0))
        ordered = lengths[finite]
        if len(ordered) and strategy != "none":
            row["suggested_max_grad_norm"] = _suggested(
                ordered, row["noise_multiplier"], self.dimension,
                (getattr(self.optimizer, "expected_batch_size", None) or batch) * self.world)
        if len(ordered):
            for q, name in ((.05, "q05"), (.25, "q25"), (.5, "q50"), (.75, "q75"), (.95, "q95")):
                row["norm_" + name] = float(np.quantile(ordered, q))
            row["norm_max"] = float(ordered.max())
            if ordered.sum() > 0:
                row["retained_norm"] = float(kept[finite].sum() / ordered.sum())
            if strategy != "none":
                row["clipped_fraction"] = float(clipped.mean())
        signal = float(np.linalg.norm(step["signal"]))
        expected = step["std"] * np.sqrt(self.sizes)
        noise = float(np.linalg.norm(expected))
        realised = float(np.linalg.norm(step["z"]))
        bias_ratio = bias_cosine = np.full(tensors, math.nan)
        if "bias" in step and batch:
            difference, unclipped, product = np.asarray(step["bias"], dtype=np.float64).T
            with np.errstate(divide="ignore", invalid="ignore"):
                bias_ratio = np.sqrt(difference / unclipped)
                bias_cosine = np.clip(product / (step["signal"] * np.sqrt(unclipped)), -1, 1)
                row["bias_ratio"] = float(np.sqrt(difference.sum() / unclipped.sum()))
                cosine = float(np.clip(product.sum() / (signal * np.sqrt(unclipped.sum())), -1, 1))
            row["bias_cosine"] = cosine
            row["bias_scale_free"] = math.sqrt(max(0.0, 1 - cosine * cosine))
        denominator = getattr(self.optimizer, "expected_batch_size", None)
        expected_batch = float(denominator) * self._iterations() if denominator else float(batch)
        rate, scheme = self._rate()
        epsilon, accountant = (math.inf, "") if strategy == "none" else self._epsilon()
        invalid = self._why_invalid(scheme) if accountant else ""
        row.update(
            batch_size=batch, expected_batch_size=expected_batch, epoch=-1,
            non_finite=int((~finite).sum()),
            sample_rate=rate if rate is not None else expected_batch * self.world / self.size,
            loss=self._mean_loss(given, sizes), signal=signal, noise_std=step["std"],
            noise_expected=noise, noise_realised=realised,
            snr=signal / noise if noise > 0 else (math.inf if strategy != "none" and
                                                  self.rank == 0 else None),
            snr_realised=signal / realised if realised > 0 else None,
            worst_contribution=worst[0], worst_example=-1,
            sensitivity_exceeded=float(worst[0] > sensitivity * (1 + 1e-5)),
            epsilon=epsilon, delta=self.delta, simulated=0.0, joined=0.0, kept=0.0, kept_bytes=0.0)

        order = np.arange(batch)
        indices = self._identities(batch, sizes, given)
        if indices is not None and (len(indices) == 0 or indices.max() < self.size):
            order = np.argsort(indices, kind="stable")
        else:
            indices = None
        was_known, self._known = self._known, self._known and (indices is not None or batch == 0)
        labels = self._given_values(given, "labels", batch)
        if labels is None and indices is not None and self.labels is not None:
            labels = self.labels[indices]
        limit = len(self.classes) if self.classes else 0

        def classes_of(values):
            if values is None or values.dtype.kind not in "iub":
                return np.full(batch, -1, np.int32)
            values = values.astype(np.int64)
            return np.where((values >= 0) & (values < limit), values, -1).astype(np.int32)

        losses = self._given_values(given, "loss", batch)
        losses = np.full(batch, math.nan) if losses is None else losses
        predictions = classes_of(self._given_values(given, "predictions", batch))
        if self.most_examples is not None and batch > self.most_examples:
            order = order[np.sort(self._rows.choice(batch, self.most_examples, replace=False))]
        if worst[1] >= 0:
            place = np.flatnonzero(order == worst[1])
            row["worst_example"] = int(place[0]) if len(place) else -1

        self._file.begin()
        if self.step == 1:
            self._describe()
        elif was_known and not self._known:
            self._file.database.execute("UPDATE meta SET value = '0' WHERE key = 'examples_known'")
        self._write_settings(thresholds, row, scheme, denominator, strategy, accountant)
        run = self._file.database.execute
        if self.step == 1:
            names = [t[0] for t in self.tensors] if groups > 1 else ["all"]
            for k in range(groups):
                run("INSERT INTO group_names VALUES (0, 1, ?, ?)", (k, names[k]))

        def plain(value):
            value = None if value is None else float(value)
            return None if value is not None and math.isnan(value) else value

        # NULL where there is none, but for what a step always has.
        zero = {"seconds_sample", "seconds_forward", "seconds_backward", "seconds_norms",
                "seconds_clip", "seconds_noise", "seconds_update", "seconds_account",
                "noise_realised", "signal"}
        run(_insert("steps", _NUMBERS + _TEXTS),
            [self.step] + [plain(row.get(c, 0.0 if c in zero else None)) for c in _NUMBERS] +
            [scheme if strategy != "none" else "poisson", strategy, accountant, "poisson",
             "add_remove", invalid])
        stds = np.full(groups, step["std"], dtype=np.float64)
        fractions = (f < 1).mean(axis=1) if batch and strategy != "none" else \
            np.full(groups, math.nan)
        group_of = np.arange(tensors) if groups > 1 else np.zeros(tensors)
        details = (np.asarray(thresholds, np.float64), stds, fractions.astype(np.float64),
                   group_of.astype(np.int32), step["signal"].astype(np.float64), bias_ratio,
                   bias_cosine, expected, step["z"].astype(np.float64), adaptive,
                   step["histogram"].astype(np.int32),
                   np.zeros((len(self.layers), 4), np.float32))
        run(_insert("details", _DETAILS), [self.step] + [d.tobytes() for d in details])
        if (self.step - 1) % self.every == 0:
            largest = np.finfo(np.float32).max
            stored = np.where(np.isinf(norms), norms, np.minimum(norms, largest))
            numbers = indices[order] if indices is not None else np.arange(len(order))
            tables = (numbers.astype(np.int32), classes_of(labels)[order],
                      losses[order].astype(np.float32), predictions[order],
                      stored.T[order].astype(np.float32), f.T[order].astype(np.float32))
            run(_insert("batches", _BATCH),
                [self.step] + [np.ascontiguousarray(t).tobytes() for t in tables])
        reduced = step.get("reduced")
        run("INSERT INTO library_steps VALUES (0, ?, ?, ?, ?)",
            (self.step, np.asarray(sizes, np.int32).tobytes(),
             None if reduced is None else plain(np.linalg.norm(reduced)),
             b"" if reduced is None else reduced.astype(np.float64).tobytes()))
        self._file.commit()
        if was_known and not self._known and self._drawn is not None:
            self._note("the examples of step %d were not those that the loader drew for it: rows "
                       "are not told apart by example" % self.step)

    def _why_invalid(self, scheme):
        """Why the engine's ε is no statement about this run; "" where nothing is known against it."""
        if hasattr(self.optimizer, "unclipped_num_std") or self._adapts:
            return ("the noisy counts of the adaptive C are not charged, and are divided by the "
                    "batch drawn, which is private")
        if scheme != "poisson":
            return "batches are shuffled, and accounted as Poisson"
        return ""

    def _describe(self):
        library = "PyTorch " + torch.__version__
        if self.mode != "plain":
            package = type(self.optimizer).__module__.partition(".")[0]
            version = getattr(sys.modules.get(package), "__version__", None)
            name = "Opacus" if package == "opacus" else package
            library = "%s, %s" % (name + (" " + version if version else ""), library)
        dataset = getattr(self.loader, "dataset", getattr(self.engine, "dataset", None))
        meta = {
            "program": "clipscope_recorder " + __version__, "recorder": __version__,
            "library": library, "mode": self.mode,
            "optimizer": type(self.inner).__name__,
            "optimizer_class": type(self.optimizer).__name__,
            "loss_reduction": getattr(self.optimizer, "loss_reduction", "mean"),
            "model_reduction": getattr(_find_attribute(self.model, "loss_reduction"),
                                       "loss_reduction", ""),
            "rank": self.rank, "world_size": self.world,
            "examples_known": int(self._known),
            "notes": json.dumps(self.notes),
            "data_name": type(dataset).__name__ if dataset is not None else "unknown data",
            "data_source": "", "data_fingerprint": "", "train_examples": self.size,
            "test_examples": 0, "threads": torch.get_num_threads(), "dimension": self.dimension,
            "normalisation_from_data": 0, "active_branch": 0,
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        self._file.describe(meta, self.tensors, self.layers, self.classes or [])

    def _write_settings(self, thresholds, row, scheme, denominator, strategy, accountant):
        """The settings that Clipscope knows too, as the run began: each step has its own C, σ and η."""
        if self._settings is not None:
            return
        o = self.optimizer
        grouping = "param" if len(thresholds) > 1 else "flat"
        clipping = {"grouping": grouping, "strategy": strategy,
                    "max_grad_norm": row["max_grad_norm"]}
        if grouping == "param":
            clipping["thresholds"] = "custom"
            clipping["group_thresholds"] = {t[0]: c for t, c in zip(self.tensors, thresholds)}
        if hasattr(o, "unclipped_num_std"):
            clipping["adaptive"] = {
                "enabled": True, "target_quantile": _number(o.target_unclipped_quantile),
                "learning_rate": _number(o.clipbound_learning_rate),
                "count_std": _number(o.unclipped_num_std), "denominator": "batch",
                "min_threshold": _number(o.min_clipbound),
                "max_threshold": _number(o.max_clipbound)}
        if self._adapts:
            clipping["adaptive"] = {"enabled": True, "denominator": "batch",
                                    "count_std": max(1e-3, row["expected_batch_size"] / 20)}
        settings = {
            "clipscope_experiment": 1, "clipping": clipping,
            "noise": {"noise_multiplier": row["noise_multiplier"]},
            "optimizer": {"kind": _KINDS.get(type(self.inner).__name__.lower(), "sgd"),
                          "learning_rate": row["learning_rate"]},
            "sampling": {"scheme": scheme,
                         "expected_batch_size": max(1.0, min(self.size, (
                             denominator or row["expected_batch_size"]) * self.world))},
            "privacy": {"delta": self.delta,
                        "accountant": accountant if accountant in ("prv", "gdp") else "rdp-opacus"},
        }
        self._settings = settings
        self._file.database.execute("INSERT INTO settings VALUES (0, 1, ?)",
                                    (json.dumps(settings),))

    # -- Plain PyTorch

    def _look(self, inputs, targets):
        """Per-sample gradients of a model that has none, and a step of them."""
        for name, module in self.model.named_modules():
            if "BatchNorm" in type(module).__name__ and module.training:
                raise ValueError("%s is a %s, which mixes the examples of a batch: no example has a "
                                 "gradient of its own" % (name, type(module).__name__))
        devices = sorted({p.device.index for p in self.parameters if p.is_cuda})
        with torch.random.fork_rng(devices=devices):
            gradients, losses = self._per_sample(inputs, targets)
        with torch.no_grad():
            norms = _lengths([g.flatten(1).norm(2, dim=-1) for g in gradients])
            total = [g.sum(dim=0).double().norm() for g in gradients]
            step = {"signal": _lengths(total).astype(np.float64), "std": 0.0,
                    "z": np.zeros(len(gradients)), "histogram": np.zeros(102, np.int32)}
            batch = norms.shape[1]
            given, self._given = self._given, []
            seen = {"loss": np.asarray(losses.detach().cpu()), "labels": None, "indices": None}
            if isinstance(targets, torch.Tensor) and targets.dim() == 1 \
                    and not targets.is_floating_point():
                seen["labels"] = targets.cpu().numpy()
                if self.classes is None and len(targets):
                    self.classes = [str(k) for k in range(int(targets.max()) + 1)]
            for g in given:
                seen.update({k: v for k, v in g.items() if v is not None})
            row = {"learning_rate": _number(self.inner.param_groups[0].get("lr")),
                   "noise_multiplier": 0.0, "gradient_noise_multiplier": 0.0,
                   "effective_sigma": 0.0, "max_grad_norm": 1.0, "sensitivity": math.inf,
                   "parameter_norm": float(np.linalg.norm(_lengths(
                       [p.double().norm() for p in self.parameters])))}
            self._write(row, step, norms, np.ones((1, batch), np.float32), [1.0], math.inf,
                        np.zeros(0), [batch], [seen], (math.nan, -1), "none")

    def _per_sample(self, inputs, targets):
        try:
            from torch.func import functional_call, grad_and_value, vmap
        except ImportError:
            try:
                from functorch import grad_and_value, vmap
                from torch.nn.utils.stateless import functional_call
            except ImportError:
                return self._one_by_one(inputs, targets)
        names = {id(p): name for name, p in self.model.named_parameters()}
        wanted = [names[id(p)] for p in self.parameters]
        rest = {name: p.detach() for name, p in self.model.named_parameters()}
        rest.update((name, b.detach().clone()) for name, b in self.model.named_buffers())
        free = {name: rest.pop(name) for name in wanted}

        def one(free, x, y):
            outputs = functional_call(self.model, {**rest, **free}, (x.unsqueeze(0),))
            return self.loss_function(outputs, y.unsqueeze(0))

        gradients, losses = vmap(grad_and_value(one), in_dims=(None, 0, 0),
                                 randomness="different")(free, inputs, targets)
        return [gradients[name] for name in wanted], losses

    def _one_by_one(self, inputs, targets):
        gradients, losses = [[] for _ in self.parameters], []
        buffers = [b.clone() for b in self.model.buffers()]
        for x, y in zip(inputs, targets):
            value = self.loss_function(self.model(x.unsqueeze(0)), y.unsqueeze(0))
            for g, of in zip(gradients, torch.autograd.grad(value, self.parameters)):
                g.append(of)
            losses.append(value.detach())
        with torch.no_grad():
            for b, before in zip(self.model.buffers(), buffers):
                b.copy_(before)
        return [torch.stack(g) for g in gradients], torch.stack(losses)


def _suggested(norms, sigma, dimension, batch_size):
    """The C with the least σ²C²d/B² + (1/b) Σ max(n_i − C, 0)² (arXiv:2503.22988): a bound of the
    squared error of the noisy mean, from norms alone. None without noise."""
    if not sigma > 0:
        return None
    slope = sigma * sigma * dimension / (batch_size * batch_size)
    low, high = 0.0, float(norms.max())
    for _ in range(60):
        c = (low + high) / 2
        if slope * c > np.maximum(norms - c, 0).mean():
            high = c
        else:
            low = c
    return high


def _find_attribute(model, name):
    if model is not None:
        for module in model.modules():
            if hasattr(module, name) and isinstance(getattr(module, name), str) \
                    and hasattr(module, "_module"):
                return module
    return None
