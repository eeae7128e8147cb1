# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison as a table on the terminal, as it goes, and as JSON."""

import json
import os
import statistics

import paired


def _verdict(median, low, high, aim):
    if aim is None:
        return ""
    if median <= aim:
        return "met" if high <= aim else "met, within the noise"
    return "missed" if low > aim else "missed, within the noise"


class Report:
    def __init__(self):
        self._all = {"cases": [], "memory": [], "layers": [], "growth": [], "notes": []}
        self._heads = set()

    def _head(self, name, text):
        if name not in self._heads:
            self._heads.add(name)
            print("\n" + text, flush=True)

    def note(self, text):
        self._all["notes"].append(text)
        print("note: " + text, flush=True)

    def case(self, network, batch, times, memory, judged):
        self._head("cases", "A step, against its aims (median ms; ratios paired by round)")
        medians = {name: statistics.median(values) for name, values in times.items()}
        print(f"\n{network} {batch}: " +
              ", ".join(f"{name} {value:.3g}" for name, value in medians.items()))
        ratios = []
        for against, over, under, aim in judged:
            median, low, high = paired.ratios(times[over], times[under])
            verdict = _verdict(median, low, high, aim)
            ratios.append({"against": against, "ratio": median, "low": low, "high": high,
                           "aim": aim, "verdict": verdict})
            print(f"  {over + ' / ' + under:18} {median:8.4f}  [{low:.4f}, {high:.4f}]"
                  f"  aim {aim:.4f}  {verdict:24} {against}", flush=True)
        self._all["cases"].append({"network": network, "batch": batch, "ms": times,
                                   "memory": memory, "ratios": ratios})

    def memory(self, network, batch, mode, mib, aim):
        verdict = _verdict(mib, mib, mib, aim)
        self._all["memory"].append({"network": network, "batch": batch, "mode": mode, "mib": mib,
                                    "aim": aim, "verdict": verdict})
        text = f"  aim {aim:.0f}  {verdict}" if aim else ""
        print(f"  peak memory, {mode}: {mib:.0f} MiB above the loaded data{text}", flush=True)

    def layer(self, name, times):
        self._head("layers", f"{'Other layers':24} {'ms':>8} {'PyTorch':>8}   ratio, aim 1")
        under = min((n for n in times if n != "dp"), key=lambda n: statistics.median(times[n]))
        median, low, high = paired.ratios(times["dp"], times[under])
        verdict = _verdict(median, low, high, 1.0)
        self._all["layers"].append({"layer": name, "ms": times, "under": under, "ratio": median,
                                    "low": low, "high": high, "verdict": verdict})
        print(f"{name:24} {statistics.median(times['dp']):8.3g} "
              f"{statistics.median(times[under]):8.3g}   {median:.3f} [{low:.3f}, {high:.3f}]  "
              f"{verdict}  ({under})", flush=True)

    def growth(self, title, points):
        self._head("growth", "How a step grows")
        sizes, times, memory = zip(*points)
        exponent, fit = paired.growth(sizes, times)
        start, slope, linear = paired.line(sizes, times)
        self._all["growth"].append({"what": title, "points": points, "exponent": exponent,
                                    "r2": fit, "ms_at_0": start, "ms_each": slope,
                                    "linear_r2": linear})
        print(f"{title}: " + ", ".join(f"{s}: {t:.3g} ms, {m:.0f} MiB" for s, t, m in points))
        print(f"  ms = {start:.3g} + {slope:.4g} · size (R² {linear:.4f}); "
              f"size^{exponent:.3f} (R² {fit:.4f})", flush=True)

    def finish(self, path, facts):
        temporary = path + ".part"
        with open(temporary, "w") as file:
            json.dump(self._all | facts, file, indent=1)
        os.replace(temporary, path)
        judged = [r["verdict"] for c in self._all["cases"] for r in c["ratios"]]
        judged += [entry["verdict"] for kind in ("memory", "layers") for entry in self._all[kind]
                   if entry["verdict"]]
        met = sum(verdict.startswith("met") for verdict in judged)
        print(f"\n{met} of {len(judged)} aims met; all numbers in {path}")
