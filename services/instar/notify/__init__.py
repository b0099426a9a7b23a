"""Telling people what happens to a rollout, by a signed web hook and by a program."""
