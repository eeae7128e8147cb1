# SPDX-License-Identifier: GPL-3.0-or-later
"""Medians of paired ratios, their intervals, and fits of growth."""

import math
import statistics


def interval(values, confidence=0.95):
    """The narrowest pair of order statistics that holds the median with at least this probability
    (exact for independent values of any distribution), or the extremes where there are too few."""
    ordered = sorted(values)
    n = len(ordered)
    outside = 0.0
    k = 0
    while k + 1 <= (n - 1) // 2:
        grown = outside + 2 * math.comb(n, k) / 2**n
        if grown > 1 - confidence:
            break
        outside = grown
        k += 1
    k = max(k - 1, 0)
    return ordered[k], ordered[n - 1 - k]


def ratios(numerator, denominator):
    """Median and interval of the ratios of one round each."""
    paired = [a / b for a, b in zip(numerator, denominator)]
    return statistics.median(paired), *interval(paired)


def growth(sizes, times):
    """The exponent p of time = c · size^p by least squares on the logarithms, and R²."""
    x = [math.log(s) for s in sizes]
    y = [math.log(t) for t in times]
    mx, my = statistics.fmean(x), statistics.fmean(y)
    sxx = sum((a - mx) ** 2 for a in x)
    sxy = sum((a - mx) * (b - my) for a, b in zip(x, y))
    syy = sum((b - my) ** 2 for b in y)
    return sxy / sxx, sxy * sxy / (sxx * syy) if syy > 0 else 1.0


def line(sizes, times):
    """time = a + b · size by least squares: a, b, R²."""
    mx, my = statistics.fmean(sizes), statistics.fmean(times)
    sxx = sum((s - mx) ** 2 for s in sizes)
    b = sum((s - mx) * (t - my) for s, t in zip(sizes, times)) / sxx
    a = my - b * mx
    residual = sum((t - a - b * s) ** 2 for s, t in zip(sizes, times))
    total = sum((t - my) ** 2 for t in times)
    return a, b, 1 - residual / total if total > 0 else 1.0
