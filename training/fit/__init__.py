"""Fitting, one file a model."""
