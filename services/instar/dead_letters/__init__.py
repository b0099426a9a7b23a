"""Dead letters: looking at them, redriving them through today's chain, discarding and exporting them."""
