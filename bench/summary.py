"""Medians over the rounds of a bench; a round is {what was measured: {figure: value}}."""

import statistics


def medians(rounds, name):
    """{figure: its median}."""
    return {figure: round(statistics.median(one[name][figure] for one in rounds), 3) for figure in rounds[0][name]}


def ratios(rounds, name, other):
    """{figure: the median of its ratio to the other's in the same round}, of those figures that the other has."""
    found = {}
    for figure in rounds[0][name]:
        values = [one[name][figure] / one[other][figure] for one in rounds if one[other].get(figure)]
        if values:
            found[figure] = round(statistics.median(values), 3)
    return found
