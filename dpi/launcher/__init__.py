"""`python -m dpi.launcher`, behind `make run`: a whole hospital on one machine, in the foreground.

`options` reads what the person chose, `state` keeps the folder of the instance, `plan` says which
processes run with which environment, `supervisor` keeps them, `__main__` does it in order.
"""
