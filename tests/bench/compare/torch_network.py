# SPDX-License-Identifier: GPL-3.0-or-later
"""A PyTorch module from a network's complete JSON, as the engine's own model writes it."""

import torch
from torch import nn


class Residual(nn.Module):
    def __init__(self, branch, shortcut):
        super().__init__()
        self.branch = branch
        self.shortcut = shortcut

    def forward(self, x):
        return self.branch(x) + self.shortcut(x)


def layer(fields):
    kind = fields["type"]
    if kind == "linear":
        return nn.Linear(fields["in"], fields["out"], bias=fields["bias"])
    if kind == "conv2d":
        return nn.Conv2d(fields["in_channels"], fields["out_channels"], fields["kernel"],
                         stride=fields["stride"], padding=fields["padding"],
                         dilation=fields["dilation"], groups=fields["groups"],
                         bias=fields["bias"])
    if kind == "maxpool2d":
        return nn.MaxPool2d(fields["kernel"], stride=fields["stride"], padding=fields["padding"])
    if kind == "avgpool2d":
        return nn.AvgPool2d(fields["kernel"], stride=fields["stride"], padding=fields["padding"],
                            count_include_pad=fields["count_include_pad"])
    if kind == "adaptive_avgpool2d":
        return nn.AdaptiveAvgPool2d(fields["output"])
    if kind == "groupnorm":
        return nn.GroupNorm(fields["groups"], fields["channels"], eps=fields["eps"],
                            affine=fields["affine"])
    if kind == "instancenorm2d":
        return nn.InstanceNorm2d(fields["channels"], eps=fields["eps"], affine=fields["affine"])
    if kind == "layernorm":
        return nn.LayerNorm(fields["shape"], eps=fields["eps"],
                            elementwise_affine=fields["affine"])
    if kind == "residual":
        shortcut = fields.get("shortcut") or []
        return Residual(chain(fields["layers"]), chain(shortcut) if shortcut else nn.Identity())
    plain = {"flatten": nn.Flatten, "relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid,
             "gelu": nn.GELU, "silu": nn.SiLU}
    if kind not in plain:
        raise NotImplementedError("the comparison has no layer " + kind)
    return plain[kind]()


def chain(layers):
    return nn.Sequential(*[layer(fields) for fields in layers])


def network(description):
    torch.manual_seed(1)
    return chain(description["layers"])
