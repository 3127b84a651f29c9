"""What training and serving share of the machine: a shop's folder, whole files and locks, the configuration file."""
