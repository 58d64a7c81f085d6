"""Claims, guesses, exercises: what a lesson asks, and how an answer is judged.

It works from the Trace and from what is handed in: no notebook, no network.
"""
