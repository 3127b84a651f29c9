"""Speed, memory and quality, each as a figure of one run next to what it must be compared with."""
