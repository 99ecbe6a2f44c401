"""How rows are written in files: one module a format, all of one shape (``runners.steps.formats.format``)."""
