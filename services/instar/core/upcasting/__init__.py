"""Upcasting: operations, hops, chains and programs, and the laws that they are held to."""
