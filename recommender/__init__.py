"""Values, scoring, rules and ranking: no network, clock or environment."""
