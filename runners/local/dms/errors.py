"""What can go wrong while DMS copies, by who has to hear of it.

A message may name endpoints, tables, columns and types. It never holds a value of a row, a filter or a password, so
the texts of database drivers come through only where they cannot quote one.
"""

from __future__ import annotations

from runners.errors import LocalAWSError


class DmsError(LocalAWSError):
    """A replication cannot do what it was asked to do."""


class UnusableRequestError(DmsError):
    """A table mapping, a setting or an endpoint asks for what the embedded DMS does not do, or is malformed."""


class EndpointError(DmsError):
    """An endpoint cannot be reached or does not let the user in; it fails the whole task."""


class TableError(DmsError):
    """One table cannot be copied; the others go on."""


class TableMissingError(TableError):
    """A table that was asked for by its exact name is not there."""
