"""Real data sets and scripted customers to try the product with."""
