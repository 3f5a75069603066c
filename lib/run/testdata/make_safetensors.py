"""Writes safetensors.json, to which safetensors_test.ts compares the kit's reader and writer.

Files, and what the reference implementation makes of them: whether it takes them, their metadata, and their tensors with
the values that numpy and ml_dtypes read; and the bytes that it writes for these tensors.

Needs safetensors==0.8.0, numpy==2.4.6, ml_dtypes==0.6.0. Run from anywhere; takes seconds.
"""

import ctypes
import json
import os
import random
import tempfile

import ml_dtypes
import numpy
from safetensors import SafetensorError, TensorSpec, deserialize, safe_open, serialize

HERE = os.path.dirname(os.path.abspath(__file__))

NUMPY = {
    "BOOL": numpy.uint8,
    "U8": numpy.uint8,
    "I8": numpy.int8,
    "I16": numpy.int16,
    "U16": numpy.uint16,
    "F16": numpy.float16,
    "BF16": ml_dtypes.bfloat16,
    "I32": numpy.int32,
    "U32": numpy.uint32,
    "F32": numpy.float32,
    "C64": numpy.float32,  # real and imaginary parts
    "F64": numpy.float64,
    "I64": numpy.int64,
    "U64": numpy.uint64,
}
PACKED = ["F4", "F6_E2M3", "F6_E3M2", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"]
WRITTEN_AS = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16", "U16": "uint16", "F16": "float16", "BF16": "bfloat16",
    "I32": "int32", "U32": "uint32", "F32": "float32", "C64": "complex64", "F64": "float64", "I64": "int64",
    "U64": "uint64", "F4": "float4_e2m1fn_x2", "F8_E5M2": "float8_e5m2", "F8_E4M3": "float8_e4m3fn",
    "F8_E8M0": "float8_e8m0fnu", "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz",
}  # fmt: skip


def file(header, body=b"", length=None):
    header = header.encode() if isinstance(header, str) else header
    return (len(header) if length is None else length).to_bytes(8, "little") + header + body


def entry(dtype="F32", shape="[1]", offsets="[0,4]", more=""):
    return f'{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}{more}}}'


def one(fields, body=bytes(4)):
    """A file with one tensor, a."""
    return file(f'{{"a":{fields}}}', body)


def values(dtype, data):
    """As text that JavaScript's Number or BigInt reads back exactly."""
    array = numpy.frombuffer(data, NUMPY.get(dtype, numpy.uint8))
    if array.dtype.kind in "iu":
        return [str(x) for x in array.tolist()]
    names = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    return [names.get(repr(x), repr(x)) for x in array.astype(numpy.float64).tolist()]


def metadata_of(content):
    with tempfile.NamedTemporaryFile() as temporary:
        temporary.write(content)
        temporary.flush()
        with safe_open(temporary.name, framework="np") as opened:
            return opened.metadata() or {}


def saved(tensors, metadata):
    """The reference writer's file; None where it cannot write the type, or chooses the order of metadata."""
    if len(metadata) > 1 or any(dtype not in WRITTEN_AS for _, dtype, _, _ in tensors):
        return None
    specs, alive = {}, []
    for name, dtype, shape, data in tensors:
        buffer = ctypes.create_string_buffer(data, max(1, len(data)))
        alive.append(buffer)
        if dtype == "F4":  # the writer doubles the last length: two values a byte
            if not shape or shape[-1] % 2:
                return None
            shape = [*shape[:-1], shape[-1] // 2]
        specs[name] = TensorSpec(
            dtype=WRITTEN_AS[dtype], shape=shape, data_ptr=ctypes.addressof(buffer), data_len=len(data)
        )
    return bytes(serialize(specs, metadata or None)).hex()


def verdict(name, content):
    case = {"name": name, "file": content.hex()}
    try:
        found = sorted(deserialize(content))
    except SafetensorError as error:
        return {**case, "refused": str(error).removeprefix("Error while deserializing: ")[:80]}
    tensors = [(key, t["dtype"], t["shape"], bytes(t["data"])) for key, t in found]
    metadata = metadata_of(content)
    return {
        **case,
        "metadata": sorted(metadata.items()),
        "tensors": [[key, dtype, shape, values(dtype, data)] for key, dtype, shape, data in tensors],
        "saved": saved(tensors, metadata),
    }


def types():
    special = {
        "F16": [0x0001, 0x03FF, 0x8000, 0x3C00, 0x7BFF, 0x7C00, 0xFC00, 0x7E00],
        "BF16": [0x0001, 0x007F, 0x8000, 0x3F80, 0x7F7F, 0x7F80, 0xFF80, 0x7FC1],
    }
    for dtype in [*NUMPY, *PACKED]:
        if dtype in special:
            body = numpy.array(special[dtype], numpy.uint16).tobytes()
        elif dtype == "BOOL":
            body = bytes([0, 1] * 16)
        else:
            body = bytes((37 * i + 200) % 256 for i in range(32))
            # No NaN, whose payload is no value.
            if dtype in ("F32", "C64", "F64"):
                body = numpy.linspace(-3, 1e30, 32 // numpy.dtype(NUMPY[dtype]).itemsize).astype(NUMPY[dtype]).tobytes()
        bits = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "C64": 64}.get(dtype) or 8 * numpy.dtype(NUMPY.get(dtype, numpy.uint8)).itemsize
        shape = [2, len(body) * 8 // bits // 2]
        yield f"type {dtype}", one(entry(dtype, shape, [0, len(body)]), body)
    yield "type F4, half a byte", one(entry("F4", "[1]", "[0,1]"), bytes(1))
    yield "type F6_E2M3, part of a byte", one(entry("F6_E2M3", "[2]", "[0,2]"), bytes(2))
    yield "type F4, nothing", one(entry("F4", "[0]", "[0,0]"), b"")
    yield "type F128", one(entry("F128", "[1]", "[0,16]"), bytes(16))
    yield "type f32", one(entry("f32"))
    yield "type 13", one('{"dtype":13,"shape":[1],"data_offsets":[0,4]}')
    yield "type as a variant with null", one('{"dtype":{"F32":null},"shape":[1],"data_offsets":[0,4]}')
    yield "type as a variant with {}", one('{"dtype":{"F32":{}},"shape":[1],"data_offsets":[0,4]}')
    yield "type as a variant with []", one('{"dtype":{"F32":[]},"shape":[1],"data_offsets":[0,4]}')
    yield "type as a variant with 1", one('{"dtype":{"F32":1},"shape":[1],"data_offsets":[0,4]}')
    yield "type as two variants", one('{"dtype":{"F32":null,"F64":null},"shape":[1],"data_offsets":[0,4]}')
    yield "all types in one file", file(
        "{" + ",".join(f'"{t}":' + entry(t, "[4]", f"[{32 * i},{32 * i + 32}]") for i, t in enumerate(["I64", "U64", "F64", "C64"]))
        + ',"z":' + entry("U8", "[2]", "[128,130]") + ',"b":' + entry("BOOL", "[1]", "[130,131]")
        + ',"h":' + entry("F16", "[1]", "[131,133]") + ',"i":' + entry("I8", "[1]", "[133,134]")
        + ',"f":' + entry("F32", "[1]", "[134,138]") + ',"u":' + entry("U32", "[1]", "[138,142]")
        + ',"s":' + entry("I32", "[1]", "[142,146]") + ',"w":' + entry("U16", "[1]", "[146,148]") + "}",
        bytes(range(100, 248)),
    )  # fmt: skip


def names():
    yield "tensor __proto__", file('{"__proto__":' + entry() + "}", bytes(4))
    yield "tensors constructor and toString", file(
        '{"constructor":' + entry() + ',"toString":' + entry(offsets="[4,8]") + "}", bytes(8)
    )
    yield "tensor without a name", file('{"":' + entry() + "}", bytes(4))
    yield "tensors with numbers for names", file(
        '{"10":' + entry() + ',"9":' + entry(offsets="[4,8]") + ',"-1":' + entry(offsets="[8,12]") + "}", bytes(12)
    )
    yield "names beyond ASCII, which UTF-8 and UTF-16 sort differently", file(
        '{"\U0001f600":' + entry() + ',"\uff01":' + entry(offsets="[4,8]") + ',"\u00e9":' + entry(offsets="[8,12]") + "}",
        bytes(12),
    )
    yield "escapes in a name", file(r'{"a\"\\\/\b\f\n\r\t\u0000\u00e9\ud83d\ude00":' + entry() + "}", bytes(4))
    yield "delete and a line separator in a name", file('{"\x7f\u2028":' + entry() + "}", bytes(4))
    yield "lone leading surrogate in a name", file(r'{"\ud800":' + entry() + "}", bytes(4))
    yield "lone trailing surrogate in a name", file(r'{"\udc00":' + entry() + "}", bytes(4))
    yield "surrogates the wrong way round", file(r'{"\udc00\ud800":' + entry() + "}", bytes(4))
    yield "lone surrogate in a field that is skipped", one(entry(more=r',"x":"\ud800"'))
    yield "surrogate in UTF-8", file(b'{"\xed\xa0\x80":' + entry().encode() + b"}", bytes(4))
    yield "bad UTF-8 in a name", file(b'{"\xff":' + entry().encode() + b"}", bytes(4))
    yield "control character in a name", file(b'{"\x01":' + entry().encode() + b"}", bytes(4))
    yield "tab in a name", file(b'{"\t":' + entry().encode() + b"}", bytes(4))
    yield "unknown escape", file(r'{"\x":' + entry() + "}", bytes(4))


def metadata():
    tensor = ',"a":' + entry()
    for name, text in {
        "null": "null",
        "{}": "{}",
        "one": '{"step":"12"}',
        "two": '{"b":"2","a":"1"}',
        "__proto__": '{"__proto__":"x"}',
        "numbers for keys": '{"10":"a"}',
        "a key twice": '{"k":"1","k":"2"}',
        "empty strings": '{"":""}',
        "escapes": r'{"\u000b\"\\":"\ud83d\ude00\u2028\u007f"}',
        "a number": '{"step":12}',
        "null in it": '{"step":null}',
        "an object in it": '{"step":{}}',
        "a list": '["step"]',
        "a string": '"step"',
        "false": "false",
    }.items():
        yield f"metadata: {name}", file('{"__metadata__":' + text + tensor + "}", bytes(4))
    yield "metadata alone", file('{"__metadata__":{"k":"v"}}')
    yield "metadata last", file('{"a":' + entry() + ',"__metadata__":{"k":"v"}}', bytes(4))
    yield "metadata, its name escaped", file(r'{"__met\u0061data__":{"k":"v"}}')
    yield "metadata twice", file('{"__metadata__":{"k":"v"},"__metadata__":{"k":"v"}}')
    yield "metadata twice, null first", file('{"__metadata__":null,"__metadata__":{"k":"v"}}')
    yield "metadata that are a tensor", file('{"__metadata__":' + entry() + "}", bytes(4))
    yield "__METADATA__", file('{"__METADATA__":{"k":"v"}}')


def entries():
    for name, fields in {
        "an unknown field": entry(more=',"more":{"x":[1.5e3,null,true,"y"]}'),
        "an unknown field twice": entry(more=',"more":1,"more":2'),
        "an unknown number out of range": entry(more=',"more":1e400'),
        "an unknown number too small": entry(more=',"more":1e-400'),
        "a zero with a large exponent": entry(more=',"more":0e999'),
        "__proto__ as a field": entry(more=',"__proto__":{"shape":[7]}'),
        "dtype twice": entry(more=',"dtype":"F32"'),
        "shape twice": entry(more=',"shape":[1]'),
        "data_offsets twice": entry(more=',"data_offsets":[0,4]'),
        "a field's name escaped": r'{"dtyp\u0065":"F32","shape":[1],"data_offsets":[0,4]}',
        "other order": '{"data_offsets":[0,4],"shape":[1],"dtype":"F32"}',
        "no dtype": '{"shape":[1],"data_offsets":[0,4]}',
        "no shape": '{"dtype":"F32","data_offsets":[0,4]}',
        "no data_offsets": '{"dtype":"F32","shape":[1]}',
        "null dtype": '{"dtype":null,"shape":[1],"data_offsets":[0,4]}',
        "null shape": '{"dtype":"F32","shape":null,"data_offsets":[0,4]}',
        "null": "null",
        "a string": '"F32"',
        "a number": "1",
        "nothing": "{}",
        "a list of its fields": '["F32",[1],[0,4]]',
        "a list of two fields": '["F32",[1]]',
        "a list of four fields": '["F32",[1],[0,4],1]',
        "an empty list": "[]",
    }.items():
        yield f"entry: {name}", one(fields)
    deep = lambda n: one(entry(more=',"x":' + "[" * n + "]" * n))  # noqa: E731
    for n in (10, 124, 125, 126, 200):
        yield f"entry: {n} lists in each other", deep(n)
    yield "entry: objects in each other, as deep as is allowed", one(entry(more=',"x":' + '{"x":' * 124 + "{}" + "}" * 124))
    yield "entry: objects in each other, too deep", one(entry(more=',"x":' + '{"x":' * 125 + "{}" + "}" * 125))


def numbers():
    for shape in [
        "[]", "[1]", "[1,1,1]", "[1.0]", "[1e0]", "[10e-1]", "[-0]", "[-1]", "[-1,-1]", "[01]", "[+1]", "[0x1]", '["1"]',
        "[true]", "[null]", "[[1]]", "[1,]", "[,1]", "1", '"1"', "{}", "[2]", "[0]", "[0.5,2]", "[18446744073709551616]",
        "[ 1 ]", "[\n1\t]", "[\u00a01]",
    ]:  # fmt: skip
        yield f"shape {shape}", one(entry(shape=shape))
    empty = lambda shape, dtype="F32": one(entry(dtype, shape, "[0,0]"), b"")  # noqa: E731
    for shape in [
        "[0]", "[0,4]", "[4,0]", "[0,9007199254740991]", "[4294967295,4294967297,0]", "[4294967296,4294967296,0]",
        "[0,4294967296,4294967296]", "[9007199254740991,2048,0]", "[9007199254740991,2049,0]", "[0,18446744073709551616]",
        "[0,-1]", "[0,1e3]", "[0,0.5]", "[-0]", "[0.0]",
    ]:  # fmt: skip
        yield f"empty, shape {shape}", empty(shape)
    # The only files that the kit refuses and the reference does not: a number of JavaScript is not that precise.
    for length in (2**53, 2**53 + 1, 2**64 - 1):
        yield f"above 2^53 - 1: {length}", empty(f"[0,{length}]")
    yield "bits beyond 64 bits", empty("[2305843009213693952]")
    yield "bits beyond 64 bits, of bytes", empty("[2305843009213693952]", "U8")
    for offsets in [
        "[0,4]", "[0,4.0]", "[0,4e0]", "[0.0,4]", "[-0,4]", "[0]", "[0,4,4]", "[]", "[4,0]", "[0,3]", "[0,5]", "[0,8]",
        "[4,8]", "[-4,0]", "[0,18446744073709551620]", "[0,null]", '[0,"4"]', '{"0":0,"1":4}', "null", "0",
    ]:  # fmt: skip
        yield f"offsets {offsets}", one(entry(offsets=offsets))


def layouts():
    def two(first, second, body, a="[1]", b="[1]"):
        return file('{"a":' + entry(shape=a, offsets=first) + ',"b":' + entry(shape=b, offsets=second) + "}", bytes(range(body)))

    yield "no tensors", file("{}")
    yield "no tensors, but data", file("{}", bytes(4))
    yield "in the order of the header", two("[0,4]", "[4,8]", 8)
    yield "in another order", two("[4,8]", "[0,4]", 8)
    yield "a gap", two("[0,4]", "[8,12]", 12)
    yield "a gap at the start", two("[4,8]", "[8,12]", 12)
    yield "an overlap", two("[0,8]", "[4,12]", 12, "[2]", "[2]")
    yield "the same bytes twice", two("[0,4]", "[0,4]", 4)
    yield "two empty ones at one place", two("[0,0]", "[0,0]", 0, "[0]", "[0]")
    yield "an empty one before another at one place", two("[0,4]", "[0,0]", 4, "[1]", "[0]")
    yield "an empty one after all", two("[0,4]", "[4,4]", 4, "[1]", "[0]")
    yield "an empty one in the midst", two("[0,8]", "[4,4]", 8, "[2]", "[0]")
    yield "bytes after the last", two("[0,4]", "[4,8]", 9)
    yield "bytes missing", two("[0,4]", "[4,8]", 7)
    yield "unaligned", file(
        '{"a":' + entry("U8", "[1]", "[0,1]") + ',"b":' + entry("F64", "[1]", "[1,9]") + ',"c":' + entry("I16", "[1]", "[9,11]") + "}",
        bytes(range(11)),
    )  # fmt: skip
    yield "a tensor twice, the last counts", file('{"a":' + entry(offsets="[4,8]") + ',"a":' + entry() + "}", bytes(4))
    yield "a tensor twice, the last does not fit", file('{"a":' + entry() + ',"a":' + entry(offsets="[4,8]") + "}", bytes(4))
    yield "a tensor twice, the first is none", file('{"a":null,"a":' + entry() + "}", bytes(4))


def headers():
    plain = '{"a":' + entry() + "}"
    for name, text in {
        "spaces before": "   " + plain,
        "white space all over": "\n{\t\"a\" :\r" + entry() + " }",
        "padded": plain + " " * (-len(plain) % 8),
        "padded with line ends": plain + "\n\r\t ",
        "padded with zeros": plain + "\0" * 3,
        "not a multiple of 8": plain + " " * (1 - len(plain) % 8),
        "a byte order mark": "\ufeff" + plain,
        "a byte order mark at the end": plain + "\ufeff",
        "a non-breaking space": plain + "\u00a0",
        "two values": plain + "{}",
        "a comma after": plain + ",",
        "cut": plain[:-1],
        "a comment": plain[:-1] + "/**/}",
        "a trailing comma": plain[:-1] + ",}",
        "single quotes": plain.replace('"', "'"),
        "no quotes": plain.replace('"a"', "a"),
        "NaN": plain.replace("[1]", "[NaN]"),
        "a list": "[" + entry() + "]",
        "null": "null",
        "a string": '"a"',
        "spaces only": " " * 8,
    }.items():
        yield f"header: {name}", file(text, bytes(4))
    yield "header: empty", file("", bytes(4))
    yield "header: one byte", file("{")
    yield "header: UTF-16", file("{}".encode("utf-16-le"))
    yield "length: no bytes", b""
    yield "length: seven bytes", bytes(7)
    yield "length: eight bytes", bytes(8)
    for length in (0, len(plain) - 1, len(plain) + 1, len(plain) + 4, len(plain) + 5, 2**31, 2**32, 2**63, 2**64 - 1):
        yield f"length: {length} of {len(plain)}", file(plain, bytes(4), length)
    for length in (100_000_000, 100_000_001):
        yield f"length: {length} in a short file", file(plain, bytes(4), length)


def mutations(count, seed=1):
    """Files of two tensors in which a character of the header is left out, doubled, or another."""
    generator = random.Random(seed)
    header = '{"__metadata__":{"k":"v"},"a":' + entry("F16", "[2,1]", "[0,4]") + ',"b":' + entry("I8", "[0,3]", "[4,4]") + "}"
    for i in range(count):
        text = header
        for _ in range(generator.randint(1, 2)):
            at = generator.randrange(len(text))
            other = generator.choice('{}[]:,"\\ 0123456789eE.+-abF_\n\t\0')
            text = text[:at] + generator.choice(["", text[at] * 2, other]) + text[at + 1 :]
        yield f"mutation {i}", file(text, bytes([0, 60, 0, 188]))


def rounding():
    """float32 bits, and those of the bfloat16 that ml_dtypes rounds them to."""
    bits = [0x3F800000, 0x3F807FFF, 0x3F808000, 0x3F808001, 0x3F818000, 0xBF818000, 0x7F7FFFFF, 0x7F7F7FFF, 0x00000001,
            0x00008000, 0x00008001, 0x80000000, 0x7F800000, 0xFF800000, 0x3E4CCCCD, 0x42F6E979]  # fmt: skip
    with numpy.errstate(over="ignore"):
        rounded = numpy.array(bits, numpy.uint32).view(numpy.float32).astype(ml_dtypes.bfloat16).view(numpy.uint16)
    return [[a, b] for a, b in zip(bits, rounded.tolist())]


def main():
    groups = [types(), names(), metadata(), entries(), numbers(), layouts(), headers(), mutations(60)]
    cases = [verdict(name, content) for group in groups for name, content in group]
    with open(os.path.join(HERE, "safetensors.json"), "w") as out:
        lines = ",\n".join(json.dumps(case) for case in cases)
        out.write(f'{{"bfloat16": {json.dumps(rounding())},\n"cases": [\n{lines}\n]}}\n')
    print(sum("refused" in case for case in cases), "of", len(cases), "refused")


if __name__ == "__main__":
    main()
