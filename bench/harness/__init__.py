"""What all benchmarks share: rounds, figures, installations, load, the table and the JSON."""
