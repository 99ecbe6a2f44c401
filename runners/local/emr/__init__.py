"""EMR steps and EMR Serverless job runs that execute PySpark scripts, each in a process of its own."""
