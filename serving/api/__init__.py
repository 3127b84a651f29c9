"""HTTP: one blueprint a subject."""
