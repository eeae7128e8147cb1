# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds Clipscope's step against other libraries': compare/run --help."""

import argparse
import datetime
import json
import os
import sys

import cases
from report import Report
from resident import Failed, describe, ours, plain_step_holds, theirs

SECTIONS = ("aims", "layers", "growth")


def rounds_of(residents, rounds, seconds):
    """Milliseconds a step by resident and round; one runs at a time, in an order that turns."""
    names = list(residents)
    times = {name: [] for name in names}
    for k in range(rounds):
        for j in range(len(names)):
            name = names[(j + k) % len(names)]
            times[name].append(residents[name].run(seconds))
    return times


class Comparison:
    def __init__(self, options):
        self.options = options
        self.report = Report()

    def start(self, wanted):
        """`wanted`: name → maker of a resident. One that does not start is left out, and said."""
        residents = {}
        for name, make in wanted.items():
            try:
                residents[name] = make()
            except Failed as failure:
                self.report.note(f"left out: {failure}")
        return residents

    def measure(self, wanted, rounds=None, seconds=None):
        residents = self.start(wanted)
        try:
            times = rounds_of(residents, rounds or self.options.rounds,
                              seconds or self.options.seconds)
            memory = {name: resident.quit() for name, resident in residents.items()}
        except BaseException:
            for resident in residents.values():
                resident.kill()
            raise
        return times, memory

    def own(self, network, batch, mode):
        return lambda: ours(self.options.server, network, batch, mode)

    def other(self, library, checkout, description, batch, layout="contiguous"):
        return lambda: theirs(library, checkout, description, batch, layout)

    def aims(self):
        o = self.options
        for network, batches in cases.AIMED.items():
            description = describe(o.server, network)
            if not plain_step_holds(o.server, network):
                self.report.note(f"{network}: our plain step is not SGD; its times mean nothing")
            for batch in batches:
                if o.only and f"{network}:{batch}" not in o.only and network not in o.only:
                    continue
                wanted = {mode: self.own(network, batch, mode)
                          for mode in ("dp", "sum", "passes", "further", "plain")}
                wanted["torch"] = self.other("plain", "", description, batch,
                                             cases.LAYOUT[network])
                for name, checkout in (("hooks", o.opacus), ("ghost", o.ghost),
                                       ("fastdp", o.fastdp)):
                    if checkout:
                        wanted[name] = self.other(name, checkout, description, batch)
                times, memory = self.measure(wanted)
                self.report.case(network, batch, times, memory, self.judged(network, batch, times))
                largest = batch == batches[-1]
                for mode in ("dp", "sum"):
                    self.report.memory(network, batch, mode, memory[mode]["peak_mib"],
                                       cases.MEMORY if largest else None)

    @staticmethod
    def judged(network, batch, times):
        """(against, numerator, denominator, aim) for each ratio that could be measured."""
        pairs = [("plain PyTorch", "dp", "torch", cases.AIMS["plain"][network][batch]),
                 ("our own plain step", "dp", "plain", cases.AIMS["own plain"][network][batch]),
                 ("without the unclipped sum", "sum", "dp", cases.SECOND[network]),
                 ("without a further strategy", "further", "passes", cases.SECOND[network]),
                 ("Opacus hooks", "dp", "hooks", cases.AIMS["hooks"][network][batch])]
        private = [name for name in ("fastdp", "ghost") if name in times]
        if private:
            fastest = min(private, key=lambda name: sorted(times[name])[len(times[name]) // 2])
            pairs.append((f"{fastest}, the faster of {len(private)}", "dp", fastest,
                          cases.AIMS["fastest private"][network][batch]))
        return [pair for pair in pairs if pair[1] in times and pair[2] in times]

    def layers(self):
        for name, network in cases.LAYERS.items():
            if self.options.only and name not in self.options.only:
                continue
            description = describe(self.options.server, network)
            batch = cases.LAYERS_BATCH
            wanted = {"dp": self.own(network, batch, "dp")}
            for layout in ("contiguous", "channels_last"):
                if layout == "contiguous" or len(description["input"]) == 3:
                    wanted[layout] = self.other("plain", "", description, batch, layout)
            times, _ = self.measure(wanted)
            if len(times) > 1:
                self.report.layer(name, times)

    def growth(self):
        o = self.options
        grown = [(f"{network}, batch", network, "batch") for network in cases.GROWTH_NETWORKS]
        for title, network, _ in grown:
            points = []
            for batch in cases.GROWTH_BATCHES:
                times, memory = self.measure({"dp": self.own(network, batch, "dp")}, 3)
                points.append((batch, min(times["dp"]), memory["dp"]["peak_mib"]))
            self.report.growth(title, points)
        for title, make, depths in (("dense layers of 256, depth", cases.deep, cases.DEPTHS),
                                    ("convolutions of 16 channels, depth",
                                     cases.deep_convolutions, cases.CONV_DEPTHS)):
            points = []
            for depth in depths:
                wanted = {"dp": self.own(make(depth), cases.DEPTH_BATCH, "dp")}
                times, memory = self.measure(wanted, 3, o.seconds)
                points.append((depth, min(times["dp"]), memory["dp"]["peak_mib"]))
            self.report.growth(title, points)


def arguments():
    parser = argparse.ArgumentParser(
        prog="compare/run", description="Clipscope's private step against PyTorch's plain step "
        "and, where their checkouts are named, Opacus and fastDP. Every competitor is a resident "
        "process; one runs at a time, in turn; ratios are medians of the ratios of one round "
        "each, with a 95 % interval from order statistics.")
    parser.add_argument("--server", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--opacus", metavar="DIR", help="checkout of Opacus, for its hooks")
    parser.add_argument("--ghost", metavar="DIR",
                        help="checkout of an Opacus that has ghost clipping (1.5)")
    parser.add_argument("--fastdp", metavar="DIR", help="checkout of fastDP")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=0.25, help="of each turn (%(default)s)")
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--only", nargs="+", metavar="CASE",
                        help="mlp, mnist-cnn:256, GroupNorm, …")
    parser.add_argument("--json", metavar="FILE", default="compare.json",
                        help="all numbers (%(default)s)")
    return parser.parse_args()


def main():
    options = arguments()
    comparison = Comparison(options)
    load = os.getloadavg()[0]
    if load > 0.5:
        comparison.report.note(f"the machine was not idle at the start (load {load:.1f})")
    started = datetime.datetime.now().isoformat(timespec="seconds")
    try:
        for section in options.sections:
            getattr(comparison, section)()
    except KeyboardInterrupt:
        comparison.report.note("interrupted: what follows was not measured")
    comparison.report.finish(options.json, {"started": started, "rounds": options.rounds,
                                            "seconds": options.seconds})
    return 0


if __name__ == "__main__":
    sys.exit(main())
