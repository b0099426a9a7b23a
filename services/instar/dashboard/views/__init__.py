"""What the pages show, worked out: plain values, so that the templates only lay them out."""
