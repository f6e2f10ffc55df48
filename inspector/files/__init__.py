"""Paths from untrusted names, outputs written atomically, Git LFS pointers."""
