"""`make bench`: what the product costs, measured on real engines, one JSON object a line.

Every run has its own process, its own database and, where the product has processes of its own (listener,
web, worker, sandbox), those very processes. docs/mesures.md says what each figure means.
"""
