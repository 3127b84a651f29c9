"""The sources of candidates: arrays in, scores out."""
