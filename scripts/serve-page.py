"""Serves a folder on this machine: scripts/serve-page.py FOLDER PORT [COMMAND...]

Takes the port, runs the command that writes the folder, prints the address, opens it in a browser if there is a display,
and serves until interrupted. Port 0 is any free one.
"""

import functools
import http.server
import os
import subprocess
import sys
import webbrowser

TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}


class Handler(http.server.SimpleHTTPRequestHandler):
    # Without these a browser refuses modules where the system's own table is wrong.
    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, **TYPES}

    def end_headers(self):
        # The page changes with each build.
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_request(self, code="-", size="-"):
        pass


class Server(http.server.ThreadingHTTPServer):
    # On Windows two servers would share the port.
    allow_reuse_address = os.name != "nt"


def main():
    folder, port, *command = sys.argv[1:]
    try:
        server = Server(("127.0.0.1", int(port)), functools.partial(Handler, directory=folder))
    except OSError as error:
        sys.exit(f"scripts/page: found port {port} taken, expected a free one ({error.strerror})")
    if command and (code := subprocess.run(command).returncode):
        sys.exit(code)
    address = f"http://localhost:{server.server_port}/"
    print(address, flush=True)
    has_display = sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if has_display and not os.environ.get("CI"):
        webbrowser.open(address)
    server.serve_forever()


try:
    main()
except KeyboardInterrupt:
    pass
