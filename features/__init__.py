"""Events and catalogue become arrays and customer profiles; the same code offline and online."""
