"""Mails: their words, how they look, and finding those that were never sent."""
