"""TFLite on the Optimise page: target, recipes, samples, layers, what does not convert."""
