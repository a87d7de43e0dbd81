"""F1 of both answers to a question of yes or no, and their mean, with 95 % intervals.

The mean counts both answers alike, however rare one is: Opitz and Burst, Macro F1 and Macro F1 (2019),
https://arxiv.org/abs/1911.03347, where it is the averaged F1. Intervals as in `agreement`.
"""

import numpy as np

from curation.statistics.agreement import LEAST, Codes, Figure, Floats, of_counts, of_tables


def macro_f1_of_counts(counts: Codes, *, least: int = LEAST) -> Figure:
    """Return the mean of the F1 of no and of yes, of counts of records [said, true], no first.

    Not defined where one of the two is never true.
    """
    return of_counts(counts, _mean_f1, least=least)


def macro_f1_of_tables(tables: Codes, *, least: int = LEAST) -> Figure:
    """Return the same of answers that belong together by record: tables [records, said, true]."""
    return of_tables(tables, _mean_f1, least=least)


def _mean_f1(tables: Floats) -> Floats:
    """Return it of sums of tables [B, 2, 2]: [B]."""
    true, said = tables.sum(axis=1), tables.sum(axis=2)
    right = np.diagonal(tables, axis1=1, axis2=2)
    both = (true > 0).all(axis=1, keepdims=True)
    share = np.divide(2 * right, true + said, out=np.full_like(true, np.nan), where=both)
    mean: Floats = share.mean(axis=1)
    return mean
