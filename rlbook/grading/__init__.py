"""A submission's way: notebook, sealed box, checks, marks, feedback.

``grade(path)`` judges one notebook; the command ``rlbook grade`` judges a folder of them.
"""
