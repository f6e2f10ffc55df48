"""The search for the pipelines that make a model small and fast within limits."""
