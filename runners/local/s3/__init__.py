"""What several engines need of S3, and bucket policies."""
