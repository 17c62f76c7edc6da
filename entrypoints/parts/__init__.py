"""The parts of the service, by what they stand on. ``bootstrap.Gas`` is all of them."""
