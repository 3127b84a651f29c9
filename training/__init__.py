"""The job: read, fit, learn the ranker, evaluate, gate, publish."""
