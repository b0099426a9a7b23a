"""The executor of one program: the generated function, with the reference behind it."""

from dataclasses import dataclass, field
from typing import Literal

from instar.core.formats.avro import AvroSchema
from instar.core.record import Context
from instar.core.rejected import Rejected
from instar.core.upcasting.chain import Chain
from instar.core.upcasting.operation import Misfit
from instar.core.upcasting.program import Program
from instar.core.upcasting.spans.code import Code, Fast
from instar.core.upcasting.spans.fit import ToCheck, fit, pieces
from instar.core.upcasting.spans.meaning import Meaning
from instar.core.upcasting.spans.source import Source
from instar.core.upcasting.spans.symbols import Made, Unsupported

ExecutorName = Literal["spans", "reference"]


@dataclass(frozen=True, slots=True)
class Spans:
    """Answers as ``program.run`` does on every input. ``text`` is the generated code, for people."""

    program: Program
    text: str = field(repr=False)
    fast: Fast = field(repr=False)

    def run(self, data: bytes, context: Context) -> list[bytes] | Rejected:
        """As ``Program.run``."""
        try:
            made = self.fast(data)
        except Exception:  # whatever it is, the reference says what is wrong with the record, if anything is
            made = None
        return self.program.run(data, context) if made is None else [made]


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a program is left to the reference; ``why`` continues ``the reference runs it, because``."""

    why: str


def compile_spans(program: Program) -> Spans | Refused:
    """The fast executor of a program, or why there is none."""
    try:
        text, fast = _compiled(program.chain)
    except (Unsupported, Misfit) as error:
        return Refused(str(error))
    return Spans(program, text, fast)


def _compiled(chain: Chain) -> tuple[str, Fast]:
    before = _avro(chain.before)
    source = Source(before.types)
    meaning = Meaning(source)
    steps: list[Made | ToCheck] = []
    for link in chain.links:
        after = _avro(link.schema)
        lower, upper = (before, after) if link.to_version > link.from_version else (after, before)
        known = len(meaning.made)
        meaning.run(link, lower.shape, upper.shape)
        steps += meaning.made[known:]
        steps += fit(meaning.record, after, source.top)
        before = after
    out = pieces(meaning.record, before) if chain.links else None
    return Code(source, _avro(chain.before)).function(steps, out)


def _avro(schema: object) -> AvroSchema:
    if not isinstance(schema, AvroSchema):
        raise Unsupported("it is not Avro")
    return schema
