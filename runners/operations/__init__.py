"""What an operator needs: to see what the runners do, to take a hand in it, and to find what is wrong.

Each command is a module with ``add_command``; what it looks up or does stands apart from what it prints. Nothing here
runs in AWS.
"""
