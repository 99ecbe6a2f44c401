"""Glue job runs that execute their script."""
