"""The cells of docs/explanation/experiment-validity.md, by kind of metric."""
