"""The demonstration that goes on: a shop whose programs write and read, carried, rolled out and looked at live."""
