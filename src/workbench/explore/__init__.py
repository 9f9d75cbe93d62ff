"""First looks: trends, comparisons, funnels, cohorts, pacing."""
