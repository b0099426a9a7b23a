"""The fast executor: generated Python that walks a record's bytes once and copies what stays.

A chain of changes is run once, when it is compiled, on a record of *symbols* instead of values (``symbols``,
``meaning``): by the very operations that the reference runs, so what goes where is not said a second time. What comes
out is the target's record, in which each leaf is a place in the source's bytes, a constant, or a function of such. It
is held against every version's schema on the way (``fit``): what the schemas alone prove needs no check per record, the
rest is checked by the reference's own checks. From that one function is generated (``code``).

The law is: for every byte string, this executor answers as the reference does. It is kept by doing little. Where
something at compile time is not understood, the whole program is the reference's, and says why. Where a record at run
time is unusual in any way (not the shortest encoding, several blocks, NaN, a failing function or check, bytes left
over), the generated function gives up and the reference judges the record from its beginning. So only one thing is to
be proven: when the generated function answers at all, the reference gives these very bytes.
"""
