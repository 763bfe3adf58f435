"""What os-ken makes of OpenFlow 1.3 messages: reads lines of hexadecimal, prints a line of JSON for each: what it has parsed (null: it
cannot), and the same written by it again (null: it has no writer)."""
import json
import logging
import sys

from os_ken.ofproto import ofproto_parser, ofproto_protocol

logging.disable(logging.CRITICAL)
HEADER = 8
protocol = ofproto_protocol.ProtocolDesc(version=4)
for line in sys.stdin:
    data = bytes.fromhex(line.strip())
    parsed = ofproto_parser.msg(protocol, data[0], data[1], len(data), int.from_bytes(data[4:8], 'big'), data)
    again = None
    if parsed is not None:
        said = parsed.to_jsondict()
        try:
            parsed.serialize()
            # Without a writer of its own a message has a header alone.
            if len(parsed.buf) > HEADER or len(data) == HEADER:
                again = bytes(parsed.buf).hex()
        except (NotImplementedError, AssertionError):
            pass
    print(json.dumps({'parsed': None if parsed is None else said, 'again': again}))
