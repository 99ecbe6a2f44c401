"""Python scripts in processes of their own, with Spark where it is installed: what the engines of jobs share."""
