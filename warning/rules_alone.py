"""How risky a loan is by rules alone: the severities that it reaches, added up.

What a rule asks is looked at for one moment: neither waiting times nor what rang before count. A
condition with a derived column is unknown here and does not hold. Rings nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from warning.pack import Pack
from warning.windows import FloatArray


def added_severity(pack: Pack, values: Mapping[str, FloatArray]) -> FloatArray:
    """For each loan the ranks of the gravest step of each rule that holds (1 "watch" … 4 "red")."""
    count = len(next(iter(values.values())))
    unknown = np.full(count, np.nan)
    known = {name: values.get(name, unknown) for name in pack.names}
    total = np.zeros(count)
    for rule in pack.rules:
        holds = rule.when.holds(known)
        if rule.unless is not None:
            holds = holds & ~rule.unless.holds(known)
        gravest = np.zeros(count)
        for step in rule.steps:
            reached = holds if step.when is None else holds & step.when.holds(known)
            gravest[reached] = step.rank
        total += gravest
    return total
