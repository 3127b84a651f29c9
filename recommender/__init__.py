"""Values, scoring, rules and ranking: no network, clock or environment."""

__version__ = "0.1.0"
