"""What benchmarks and tests share: servers, Chromium, node tables and TFLite models."""
