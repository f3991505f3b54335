"""PoLe from Python: data in, a task out, the model that was bought at work. docs/python.md has an example.

What is here is found as `pole.prepare(...)` and so on. The command line stands on the same functions.
"""
