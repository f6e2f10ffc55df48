"""LiteRT: TFLite models run, timed, and taken apart."""
