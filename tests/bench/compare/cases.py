# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured, and what it should come to."""

# Network and batches. The layout is the one in which PyTorch's plain step is fastest.
AIMED = {"mlp": (32, 256, 1024), "mnist-cnn": (32, 256, 1024), "cifar-cnn": (32, 256)}
LAYOUT = {"mlp": "contiguous", "mnist-cnn": "channels_last", "cifar-cnn": "contiguous"}

# Largest ratio of our private step to the other's, by network and batch.
AIMS = {
    "plain": {"mlp": {32: 0.75, 256: 0.80, 1024: 0.90},
              "mnist-cnn": {32: 0.30, 256: 0.38, 1024: 0.38},
              "cifar-cnn": {32: 0.48, 256: 0.42}},
    "hooks": {"mlp": {32: 1 / 45, 256: 1 / 50, 1024: 1 / 60},
              "mnist-cnn": dict.fromkeys((32, 256, 1024), 1 / 15),
              "cifar-cnn": dict.fromkeys((32, 256), 1 / 5)},
    "fastest private": {"mlp": {32: 1 / 9, 256: 1 / 4, 1024: 1 / 2},
                        "mnist-cnn": dict.fromkeys((32, 256, 1024), 1 / 9),
                        "cifar-cnn": dict.fromkeys((32, 256), 1 / 5)},
    "own plain": {"mlp": {32: 1.35, 256: 1.10, 1024: 1.10},
                  "mnist-cnn": dict.fromkeys((32, 256, 1024), 1.10),
                  "cifar-cnn": dict.fromkeys((32, 256), 1.10)},
}
# Largest cost of a second sum over the batch.
SECOND = {"mlp": 1.40, "mnist-cnn": 1.10, "cifar-cnn": 1.10}
# MiB above the loaded data, at the network's largest batch.
MEMORY = 60.0


def conv(out, kernel=3, **more):
    return {"type": "conv2d", "out_channels": out, "kernel": kernel, "padding": kernel // 2,
            **more}


RELU, FLATTEN, OUT = {"type": "relu"}, {"type": "flatten"}, {"type": "linear", "out": 10}
HALF = {"type": "avgpool2d", "kernel": 2}
GROUP = {"type": "groupnorm", "groups": 8}
LAYER = {"type": "layernorm"}


def image(*layers):
    """A layer in its surroundings: between two convolutions of an image."""
    return {"input": [3, 32, 32],
            "layers": [conv(32), RELU, HALF, *layers, RELU, HALF, FLATTEN, OUT]}


def dense(width, depth, *between):
    layers = [FLATTEN]
    for _ in range(depth - 1):
        layers += [{"type": "linear", "out": width}, *between]
    return {"input": [1, 28, 28], "layers": layers + [OUT]}


def residual(channels):
    return {"type": "residual", "layers": [conv(channels), GROUP, RELU, conv(channels), GROUP]}


# Each other layer in a network where it has a fair part of the work: batch 128, at most PyTorch's
# plain step.
LAYERS_BATCH = 128
LAYERS = {
    "convolution": image(conv(64)),
    "strided convolution": image(conv(64, stride=2)),
    "1x1 convolution": image(conv(64, kernel=1)),
    "grouped convolution": image(conv(64, groups=4)),
    "depthwise convolution": image(conv(32, groups=32)),
    "dilated convolution": image(conv(64, dilation=2) | {"padding": 2}),
    "GroupNorm": image(conv(64), GROUP),
    "InstanceNorm": image(conv(64), {"type": "instancenorm2d", "affine": True}),
    "LayerNorm on images": image(conv(64), LAYER),
    "max pooling": image(conv(64), {"type": "maxpool2d", "kernel": 2}),
    "residual block": image(residual(32)),
    "LayerNorm": dense(256, 4, LAYER, RELU),
    "tanh": dense(256, 4, {"type": "tanh"}),
    "GELU": dense(256, 4, {"type": "gelu"}),
    "logistic regression": dense(0, 1),
    "small ResNet": {"input": [3, 32, 32], "preset": "resnet-small"},
}

# How cost grows.
GROWTH_BATCHES = (256, 1024, 4096, 16384)
GROWTH_NETWORKS = ("mlp", "mnist-cnn")
DEPTHS = (10, 20, 50, 100)
DEPTH_BATCH = 256
CONV_DEPTHS = (10, 25, 50, 100)


def deep(depth):
    return dense(256, depth, RELU)


def deep_convolutions(depth):
    layers = []
    for _ in range(depth - 1):
        layers += [conv(16), RELU]
    return {"input": [3, 16, 16], "layers": layers + [FLATTEN, OUT]}
