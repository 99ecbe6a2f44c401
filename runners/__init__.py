"""ETL orchestration on AWS Step Functions.

Runners poll Step Functions activities, start the job that a task asks for, record it in DynamoDB and report
its outcome. This package is the whole product: ``runners.services`` knows the services, ``runners.runner`` the
rules, ``runners.lambdas`` what AWS calls, ``runners.deployment`` how it gets to AWS, and ``runners.local`` is the
AWS that runs on a laptop.
"""

__version__ = "0.1.0"
