"""Parses every config.pbtxt and *.pbtxt of a model repository with tritonclient's schema: parse_triton.py FOLDER

Prints each as JSON, a line a file. The exit status is 77 where tritonclient is not installed.
"""
import json
import pathlib
import sys

try:
    from google.protobuf import json_format, text_format
    from tritonclient.grpc import model_config_pb2
except ImportError:
    sys.exit(77)

for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.pbtxt")):
    config = text_format.Parse(path.read_text(encoding="utf-8"), model_config_pb2.ModelConfig())
    print(json.dumps(json_format.MessageToDict(config, preserving_proto_field_name=True)))
