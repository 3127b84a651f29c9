"""Everything outside this process."""
