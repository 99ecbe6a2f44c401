"""CloudFormation stacks that roll back, and resources made by the API's own calls."""
