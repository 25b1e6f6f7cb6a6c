"""The AUC of rows that come several to a customer, with its interval in one pass.

Resampling customers sorts and sums all rows two hundred times, for each slice of a card; the first-order variance
says nearly the same (Obuchowski, "Nonparametric analysis of clustered ROC curve data", Biometrics 1997, here with
weights; the interval is Wald's in the logit of the AUC, so that it stays between 0 and 1).
"""

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from models.metrics import Array, Metric

NORMAL_975 = 1.959964


def clustered_auc(label: Array, score: Array, weight: Array, customers: pd.Series) -> Metric:
    """``label`` 0/1, one row each; without an interval for one customer alone, or where the ranking is
    perfect or perfectly wrong.
    """
    group = np.unique(score, return_inverse=True)[1]
    positive, negative = weight * label, weight * (1 - label)
    ups, downs = np.bincount(group, positive), np.bincount(group, negative)
    total_up, total_down = ups.sum(), downs.sum()
    # of each row: the share of the other class that it is ranked rightly against, ties counted half
    outranked = ((downs.cumsum() - downs / 2) / total_down)[group]
    outranking = (1 - (ups.cumsum() - ups / 2) / total_up)[group]
    auc = float(positive @ outranked / total_up)
    influence = positive * (outranked - auc) / total_up + negative * (outranking - auc) / total_down
    by_customer = np.bincount(pd.factorize(customers)[0], influence)
    if not 0 < auc < 1 or len(by_customer) < 2:
        return Metric(auc)
    several = len(by_customer) / (len(by_customer) - 1)
    deviation = np.sqrt(several * by_customer @ by_customer) / (auc * (1 - auc))
    low, high = expit(logit(auc) + np.array([-1, 1]) * NORMAL_975 * deviation)
    return Metric(auc, float(low), float(high))
