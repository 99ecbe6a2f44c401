"""A stand-in for Glue's own Python library, so that job scripts run outside of Glue unchanged.

Written from AWS's public documentation of the library. It does what a laptop can do with plain PySpark; whatever
else a script asks for raises ``NotImplementedError`` or ``AttributeError`` with the name of what is missing.
"""
