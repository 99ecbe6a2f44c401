"""Step Functions, opened up: activities that are polled, executions that end at once."""
