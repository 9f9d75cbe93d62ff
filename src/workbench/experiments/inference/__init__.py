"""What two groups of figures tell: tests, intervals, and what many looks and many questions cost."""
