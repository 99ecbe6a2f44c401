"""What AWS Lambda calls: one module a function, each on one screen. The work is done elsewhere."""
