"""The controls of the gate, one small function each: nothing, or a sentence with numbers about what is wrong.

A control that lacks what it needs raises ``MissingInputError``; the gate turns that into a refusal.
"""
