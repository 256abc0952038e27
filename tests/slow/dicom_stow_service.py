"""As much of a DICOMweb service as STOW-RS needs: dicom_stow_service.py PORT FOLDER. It asks for the token "secret-token"."""
import email
import http.server
import json
import pathlib
import sys

folder = pathlib.Path(sys.argv[2])


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Authorization"] != "Bearer secret-token":
            return self.answer(401, {})
        message = email.message_from_bytes(b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n" + body)
        right = self.path == "/dicom-web/studies" and message.get_content_type() == "multipart/related"
        if not right or message.get_param("type") != "application/dicom":
            return self.answer(400, {})
        for number, part in enumerate(message.get_payload()):
            assert part.get_content_type() == "application/dicom"
            # email's parser would change line ends: the part is cut out of the bytes.
            boundary = b"--" + message.get_boundary().encode()
            content = body.split(boundary)[number + 1].split(b"\r\n\r\n", 1)[1][:-2]
            (folder / f"{len(list(folder.iterdir()))}.dcm").write_bytes(content)
        self.answer(200, {"00081199": {"vr": "SQ"}})

    def answer(self, status, content):
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/dicom+json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
