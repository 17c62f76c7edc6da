"""`python -m entrypoints` is `gas`, for processes that start each other."""

from entrypoints.cli import main

if __name__ == "__main__":
    main()
