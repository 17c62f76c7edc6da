"""The commands of `gas`, one module each."""
