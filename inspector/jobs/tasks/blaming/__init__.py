"""The task behind `blame`: where two models part."""
