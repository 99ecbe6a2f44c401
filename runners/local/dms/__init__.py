"""The engine behind AWS DMS in the embedded AWS: replication tasks that really copy their tables."""
