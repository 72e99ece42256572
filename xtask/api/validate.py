"""Validates /openapi.json and /asyncapi.json of a server by the schemas of their specifications."""

import json
import pathlib
import sys
from urllib.request import urlopen

from jsonschema import Draft7Validator
from openapi_spec_validator import OpenAPIV32SpecValidator

url = sys.argv[1]
openapi, asyncapi = (json.load(urlopen(f"{url}/{name}.json")) for name in ("openapi", "asyncapi"))
schemas = pathlib.Path(__file__).parent / "node_modules/@asyncapi/specs/schemas"
schema = json.loads((schemas / "3.0.0.json").read_text())

faults = [("openapi", fault) for fault in OpenAPIV32SpecValidator(openapi).iter_errors()]
faults += [("asyncapi", fault) for fault in Draft7Validator(schema).iter_errors(asyncapi)]
for name, fault in faults:
    print(f"{name}: {'/'.join(map(str, fault.absolute_path))}: {fault.message[:300]}")
print(f"{len(openapi['paths'])} paths and {len(asyncapi['channels'])} channels: {len(faults)} faults")
sys.exit(1 if faults else 0)
