"""The commands that do many jobs: all pipelines on a model, one pipeline on many models."""
