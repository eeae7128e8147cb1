# SPDX-License-Identifier: Apache-2.0
"""Optimisers with the attributes that Opacus documents for its DPOptimizer, and no more than the
recorder's tests need: per-sample gradients in p.grad_sample, clipped into p.summed_grad, noise into
p.grad. Written from the documentation, so that the recorder is tested where Opacus is not at hand.
"""
import copy

import torch
from torch import nn


class Model(nn.Module):
    """Fills p.grad_sample, one example at a time: slow, and plainly right."""

    def __init__(self, module, loss_reduction="mean"):
        super().__init__()
        self._module = module
        self.loss_reduction = loss_reduction

    def forward(self, x):
        return self._module(x)

    def backward(self, loss, x, y):
        """Of the mean loss over the batch, or the sum."""
        parameters = list(self.parameters())
        rows = []
        for k in range(len(x)):
            value = loss(self._module(x[k:k + 1]), y[k:k + 1])
            rows.append(torch.autograd.grad(value, parameters))
        for j, p in enumerate(parameters):
            one = torch.stack([row[j] for row in rows]) if rows \
                else torch.zeros(0, *p.shape)
            before = getattr(p, "grad_sample", None)
            if before is None:
                p.grad_sample = one
            else:
                p.grad_sample = (before if isinstance(before, list) else [before]) + [one]


class DPOptimizer(torch.optim.Optimizer):
    def __init__(self, optimizer, *, noise_multiplier, max_grad_norm, expected_batch_size,
                 loss_reduction="mean", generator=None):
        self.original_optimizer = optimizer
        self.noise_multiplier = noise_multiplier
        self.max_grad_norm = max_grad_norm
        self.loss_reduction = loss_reduction
        self.expected_batch_size = expected_batch_size
        self.step_hook = None
        self.generator = generator
        self.param_groups = optimizer.param_groups
        self.defaults = optimizer.defaults
        self.state = optimizer.state
        self._step_skip_queue = []
        self._is_last_step_skipped = False
        for p in self.params:
            p.summed_grad = None

    @property
    def params(self):
        return [p for group in self.param_groups for p in group["params"] if p.requires_grad]

    @property
    def accumulated_iterations(self):
        g = self.params[0].grad_sample
        return len(g) if isinstance(g, list) else 1

    def rows(self, p):
        g = p.grad_sample
        return torch.cat(g) if isinstance(g, list) else g

    def norms(self, p):
        return self.rows(p).flatten(1).norm(2, dim=-1)

    def all_norms(self):
        return torch.stack([self.norms(p) for p in self.params], dim=1).norm(2, dim=1)

    def signal_skip_step(self, do_skip=True):
        self._step_skip_queue.append(do_skip)

    def attach_step_hook(self, hook):
        self.step_hook = hook

    def add(self, p, factors):
        g = self.rows(p)
        total = torch.einsum("i,i...", factors, g)
        p.summed_grad = total if p.summed_grad is None else p.summed_grad + total

    def clip_and_accumulate(self):
        factors = (self.max_grad_norm / (self.all_norms() + 1e-6)).clamp(max=1.0)
        for p in self.params:
            self.add(p, factors)

    def add_noise(self):
        for p in self.params:
            z = torch.normal(0.0, self.noise_multiplier * float(self.max_grad_norm),
                             p.summed_grad.shape, generator=self.generator)
            p.grad = p.summed_grad + z

    def scale_grad(self):
        if self.loss_reduction == "mean":
            for p in self.params:
                p.grad /= self.expected_batch_size * self.accumulated_iterations

    def pre_step(self):
        self.clip_and_accumulate()
        if self._step_skip_queue and self._step_skip_queue.pop(0):
            self._is_last_step_skipped = True
            return False
        self.add_noise()
        self.scale_grad()
        if self.step_hook:
            self.step_hook(self)
        self._is_last_step_skipped = False
        return True

    def step(self, closure=None):
        if self.pre_step():
            return self.original_optimizer.step()
        return None

    def zero_grad(self, set_to_none=False):
        for p in self.params:
            p.grad_sample = None
            if not self._is_last_step_skipped:
                p.summed_grad = None
        self.original_optimizer.zero_grad(set_to_none)


class DPPerLayerOptimizer(DPOptimizer):
    def __init__(self, optimizer, *, max_grad_norm, **others):
        self.max_grad_norms = max_grad_norm
        super().__init__(optimizer, max_grad_norm=torch.tensor(max_grad_norm).norm(2).item(),
                         **others)

    def clip_and_accumulate(self):
        for p, c in zip(self.params, self.max_grad_norms):
            self.add(p, (c / (self.norms(p) + 1e-6)).clamp(max=1.0))


class AdaClipDPOptimizer(DPOptimizer):
    """noise_multiplier becomes z (Andrew et al. 2019, Theorem 1)."""

    def __init__(self, optimizer, *, noise_multiplier, unclipped_num_std, target_unclipped_quantile,
                 clipbound_learning_rate, min_clipbound, max_clipbound, **others):
        z = (noise_multiplier ** -2 - (2 * unclipped_num_std) ** -2) ** -0.5
        super().__init__(optimizer, noise_multiplier=z, **others)
        self.unclipped_num_std = unclipped_num_std
        self.target_unclipped_quantile = target_unclipped_quantile
        self.clipbound_learning_rate = clipbound_learning_rate
        self.min_clipbound, self.max_clipbound = min_clipbound, max_clipbound
        self.sample_size = self.unclipped_num = 0

    def zero_grad(self, set_to_none=False):
        super().zero_grad(set_to_none)
        self.sample_size = self.unclipped_num = 0

    def clip_and_accumulate(self):
        super().clip_and_accumulate()
        norms = self.all_norms()
        self.sample_size += len(norms)
        self.unclipped_num += int((norms + 1e-6 <= self.max_grad_norm).sum())

    def add_noise(self):
        super().add_noise()
        self.unclipped_num += torch.normal(0.0, self.unclipped_num_std, (),
                                           generator=self.generator)

    def pre_step(self):
        done = super().pre_step()
        if done:
            share = self.unclipped_num / self.sample_size
            c = self.max_grad_norm * torch.exp(-self.clipbound_learning_rate *
                                               (share - self.target_unclipped_quantile))
            self.max_grad_norm = c.clamp(self.min_clipbound, self.max_clipbound)
        return done


class GhostModel(Model):
    """Clips in the module: norms in p._norm_sample, coefficients by get_clipping_coef()."""

    def __init__(self, module, max_grad_norm):
        super().__init__(module)
        self.max_grad_norm = max_grad_norm

    def get_clipping_coef(self):
        norms = torch.stack([p._norm_sample for p in self.parameters()]).norm(2, dim=0)
        return (self.max_grad_norm / (norms + 1e-6)).clamp(max=1.0)

    def backward(self, loss, x, y):
        super().backward(loss, x, y)
        rows = {}
        for p in self.parameters():
            rows[p] = p.grad_sample
            p._norm_sample = rows[p].flatten(1).norm(2, dim=-1)
            p.grad_sample = None
        factors = self.get_clipping_coef()
        for p in self.parameters():
            p.grad = torch.einsum("i,i...", factors, rows[p])


class DPOptimizerFastGradientClipping(DPOptimizer):
    @property
    def accumulated_iterations(self):
        return 1

    def clip_and_accumulate(self):
        pass

    def accumulate(self):
        for p in self.params:
            if p.summed_grad is None:
                p.summed_grad = copy.deepcopy(p.grad)
            else:
                p.summed_grad.add_(p.grad)

    def pre_step(self):
        self.accumulate()
        return super().pre_step()


class DistributedDPOptimizer(DPOptimizer):
    def __init__(self, optimizer, **others):
        super().__init__(optimizer, **others)
        self.rank = torch.distributed.get_rank()
        self.world_size = torch.distributed.get_world_size()

    def add_noise(self):
        if self.rank == 0:
            return super().add_noise()
        for p in self.params:
            p.grad = p.summed_grad.view_as(p)  # the same memory

    def reduce_gradients(self):
        for p in self.params:
            torch.distributed.all_reduce(p.grad)
            if self.loss_reduction == "mean":
                p.grad /= self.world_size

    def step(self, closure=None):
        if self.pre_step():
            self.reduce_gradients()
            return self.original_optimizer.step()
        return None


class Accountant:
    """What the recorder asks of one; ε is a number made up."""

    def __init__(self, mechanism="made_up"):
        self.history, self._mechanism = [], mechanism

    def mechanism(self):
        return self._mechanism

    def get_epsilon(self, delta):
        return 0.125 * sum(steps for _, _, steps in self.history)


class PrivacyEngine:
    def __init__(self, optimizer, dataset, sample_rate, mechanism="made_up"):
        self.accountant, self.dataset = Accountant(mechanism), dataset

        def hook(of):
            self.accountant.history.append(
                (of.noise_multiplier, sample_rate * of.accumulated_iterations, 1))

        optimizer.attach_step_hook(hook)


class PoissonSampler(torch.utils.data.Sampler):
    def __init__(self, size, sample_rate, steps, generator):
        self.num_samples, self.sample_rate = size, sample_rate
        self.steps, self.generator = steps, generator

    def __len__(self):
        return self.steps

    def __iter__(self):
        for _ in range(self.steps):
            mask = torch.rand(self.num_samples, generator=self.generator) < self.sample_rate
            yield mask.nonzero().reshape(-1).tolist()
