"""Schedulers and workers without Dask's web pages."""

from typing import Any


class Webless:
    """A scheduler or worker whose web server listens on no port."""

    def start_http_server(self, *_: Any, **__: Any) -> None:
        """Dask's own binds a port, whatever the settings are."""
        from distributed.http.routing import RoutingApplication
        from tornado.httpserver import HTTPServer

        self.http_application = RoutingApplication([])  # type: ignore[no-untyped-call]
        self.http_server = HTTPServer(self.http_application)
