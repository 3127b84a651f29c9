"""The command line: composes training, serving and features; nothing imports it."""
