"""One record's text to another version: what a program in any language asks for, and what archives need."""

from instar.core.formats.values_json import to_readable, value_of_text
from instar.core.record import Context
from instar.core.rejected import Rejected
from instar.core.upcasting.program import Program
from instar.core.value_text import compact


def run_text(program: Program, text: bytes) -> list[bytes] | Rejected:
    """JSON text in and out. Records of JSON subjects go through as they are, Avro's are in the readable notation."""
    return program.run(text, Context()) if program.chain.before.kind == "json" else _run_readable(program, text)


def _run_readable(program: Program, text: bytes) -> list[bytes] | Rejected:
    """A record in the readable notation, through the very bytes that a topic would hold."""
    before, after = program.chain.before, program.chain.after
    value = value_of_text(before, text)
    if isinstance(value, Rejected):
        return value
    encoded = before.problem(value) or before.encode(value)
    if isinstance(encoded, Rejected):
        return encoded
    outputs = program.run(encoded, Context())
    if isinstance(outputs, Rejected):
        return outputs
    made: list[bytes] = []
    for output in outputs:
        result = after.decode(output)
        if isinstance(result, Rejected):
            return result
        made.append(compact(to_readable(after, result)).encode())
    return made
