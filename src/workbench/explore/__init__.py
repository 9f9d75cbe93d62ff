"""Questions that a look at the data answers: trends, comparisons, targets, pacing, funnels, cohorts."""
