"""The systems that rows come from and go to: one module each, with its source, its target, or both."""
