"""What is put on the ``sys.path`` of a job: the libraries that a script finds inside Glue."""
