"""Where files lie: S3, SFTP, folders. One module each, all of one shape (``runners.steps.storages.storage``)."""
