"""EventBridge: rules that reach their targets, schedules that fire."""
