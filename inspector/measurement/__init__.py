"""Statistics of measurements: run times of two models, and how far their answers differ."""
